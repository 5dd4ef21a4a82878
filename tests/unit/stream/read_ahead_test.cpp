#include "stream/read_ahead.hpp"

#include <catch2/catch_test_macros.hpp>

#include "stream/memory_stream.hpp"
#include "support/streams.hpp"

using namespace davit;
using namespace davit::stream;

namespace {

// Counts its reads, and how many came after the end or an error.
class CountingSource : public ByteSource {
 public:
  explicit CountingSource(ByteSource& next) : next_(next) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    ++reads_;
    auto got = next_.read(into);
    return got;
  }
  [[nodiscard]] int reads() const { return reads_; }

 private:
  ByteSource& next_;
  int reads_ = 0;
};

}  // namespace

TEST_CASE("what is read ahead is what the source has, in pieces of any size") {
  const std::string text = test::noise(3 * ReadAhead::kBuffers * ReadAhead::kBufferSize + 12345);
  for (const std::size_t piece : {std::size_t{777}, ReadAhead::kBufferSize, 4 * ReadAhead::kBufferSize}) {
    MemorySource source(text);
    ReadAhead ahead(source);
    std::string all;
    std::vector<std::byte> buffer(piece);
    while (true) {
      const auto got = ahead.read(buffer);
      REQUIRE(got);
      if (*got == 0) break;
      all.append(reinterpret_cast<const char*>(buffer.data()), *got);
    }
    CHECK(all == text);
    CHECK(ahead.read(buffer) == 0);
  }
}

TEST_CASE("an error comes after every byte before it, and again") {
  const std::string text = test::noise(ReadAhead::kBufferSize + 10);
  test::FailingSource source(text, text.size() - 3);
  ReadAhead ahead(source);
  std::string all;
  std::vector<std::byte> buffer(1000);
  for (auto got = ahead.read(buffer);; got = ahead.read(buffer)) {
    if (!got) {
      CHECK(got.error().code() == Errc::unavailable);
      break;
    }
    REQUIRE(*got > 0);
    all.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
  CHECK(all == text.substr(0, text.size() - 3));
  CHECK_FALSE(ahead.read(buffer));
}

TEST_CASE("a source is not read further than there are buffers, and dropping it early ends the thread") {
  const std::string text = test::noise(4 * ReadAhead::kBuffers * ReadAhead::kBufferSize);
  MemorySource memory(text);
  CountingSource source(memory);
  {
    ReadAhead ahead(source);
    std::byte one{};
    REQUIRE(ahead.read({&one, 1}));
  }
  CHECK(source.reads() >= 1);
  CHECK(source.reads() <= static_cast<int>(ReadAhead::kBuffers));
  {
    const ReadAhead unused(source);
  }
}
