#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "stream/zstd_sink.hpp"
#include "stream/zstd_source.hpp"
#include "support/streams.hpp"

using namespace davit;
using namespace davit::stream;
using namespace davit::test;

namespace {

std::string compress(std::string_view text, int level = 3, int workers = 0) {
  MemorySink stored;
  ZstdSink sink(level, workers, stored);
  REQUIRE(sink.write(bytes_of(text)));
  REQUIRE(sink.finish());
  CHECK(stored.finished());
  return stored.take();
}

Result<std::string> decompress(std::string stored) {
  MemorySource source(std::move(stored));
  ZstdSource zstd(source);
  return read_all(zstd, 1 << 30);
}

std::string half_noise(std::size_t size) {
  std::string text = noise(size);
  for (std::size_t at = 0; at < size; ++at)
    if ((at >> 12) % 2 == 0) text[at] = 'x';
  return text;
}

}  // namespace

TEST_CASE("zstd gives back what went in, at every number of workers and in pieces of any size") {
  const int workers = GENERATE(0, 1, 2);
  const std::size_t size = GENERATE(0, 1, 1000, 1 << 20, (20 << 20) + 3);
  const std::string text = half_noise(size);
  MemorySink stored;
  ZstdSink sink(3, workers, stored);
  std::size_t piece = 1;
  for (std::size_t at = 0; at < size; at += piece, piece = piece * 3 + 1)
    REQUIRE(sink.write(bytes_of(std::string_view(text).substr(at, piece))));
  REQUIRE(sink.finish());
  CHECK(stored.contents().size() < size / 2 + size / 50 + 100);
  const auto back = decompress(stored.contents());
  REQUIRE(back);
  CHECK((*back == text));
}

TEST_CASE("zstd reads a source that stutters, into a buffer of one byte") {
  const std::string text = half_noise(20000);
  StutterSource source(compress(text));
  ZstdSource zstd(source);
  std::string back;
  for (;;) {
    std::byte byte{};
    const auto got = zstd.read({&byte, 1});
    REQUIRE(got);
    if (*got == 0) break;
    back += static_cast<char>(byte);
  }
  CHECK((back == text));
  std::byte byte{};
  CHECK(zstd.read({&byte, 1}) == 0U);
}

TEST_CASE("several frames in a row are one stream") {
  CHECK(decompress(compress("one ") + compress("") + compress("two")) == "one two");
}

TEST_CASE("every cut of a frame is noticed") {
  const std::string stored = compress(half_noise(9000));
  for (std::size_t length = 0; length < stored.size(); ++length) {
    CutSource source(stored, length);
    ZstdSource zstd(source);
    const auto back = read_all(zstd, 1 << 30);
    INFO(length);
    REQUIRE_FALSE(back);
    CHECK(back.error().code() == Errc::corrupt);
  }
}

TEST_CASE("bytes that are no frame are noticed, before and after one") {
  for (const std::string& stored : {std::string("no zstd at all"), std::string(100, '\0'), compress("x") + "y",
                                    compress("x") + std::string(4, '\0'), "y" + compress("x")}) {
    const auto back = decompress(stored);
    REQUIRE_FALSE(back);
    CHECK(back.error().code() == Errc::corrupt);
  }
}

TEST_CASE("a frame carries a checksum and a window that a plain zstd accepts") {
  for (const int level : {1, 3, 19}) {
    const std::string stored = compress(half_noise(100000), level);
    CHECK((static_cast<unsigned char>(stored[4]) & 4) != 0);         // RFC 8878: the content checksum flag
    CHECK((static_cast<unsigned char>(stored[5]) >> 3) + 10 <= 27);  // the window descriptor
  }
}

TEST_CASE("a sink or source that fails is passed on, and nobody calls it again") {
  const std::string text = noise(5 << 20);
  for (const std::size_t n : {1, 2, 5}) {
    FailingSink failing(n);
    ZstdSink sink(1, 2, failing);
    Result<> done = sink.write(bytes_of(text));
    if (done) done = sink.finish();
    REQUIRE_FALSE(done);
    CHECK(done.error().message() == "the sink fails as it was told");
    CHECK(failing.calls_after_failure() == 0);
  }
  FailingSource failing(compress(text), 1000);
  ZstdSource zstd(failing);
  const auto back = read_all(zstd, 1 << 30);
  REQUIRE_FALSE(back);
  CHECK(back.error().code() == Errc::unavailable);
}

TEST_CASE("a level that zstd can't promise to everybody is refused") {
  for (const int level : {0, 20, -5}) {
    MemorySink stored;
    ZstdSink sink(level, 0, stored);
    REQUIRE_FALSE(sink.write(bytes_of("x")));
    CHECK(stored.contents().empty());
  }
}
