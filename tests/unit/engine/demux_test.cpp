#include "engine/demux.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/scripted_server.hpp"

using namespace davit;
using engine::Demultiplexer;
using test::frame;

namespace {

struct Texts {
  std::string out;
  std::string err;
};

// Gives `raw` to a demultiplexer in pieces of `size` bytes.
Result<Texts> demultiplex(const std::string& raw, std::size_t size) {
  Demultiplexer demux;
  Texts texts;
  for (std::size_t at = 0; at < raw.size(); at += size) {
    auto bytes = std::as_bytes(std::span(raw)).subspan(at, std::min(size, raw.size() - at));
    for (;;) {
      TRY_ASSIGN(piece, demux.take(bytes));
      if (!piece) break;
      (piece->kind == Demultiplexer::Kind::err ? texts.err : texts.out)
          .append(reinterpret_cast<const char*>(piece->bytes.data()), piece->bytes.size());
    }
    REQUIRE(bytes.empty());
  }
  TRY(demux.finish());
  return texts;
}

}  // namespace

TEST_CASE("frames are taken apart whatever the pieces in which they come", "[engine][demux]") {
  const std::string big(70'000, 'b');
  const std::string raw =
      frame(1, "one") + frame(2, "err") + frame(1, "") + frame(1, big) + frame(2, std::string("\0\1", 2));
  for (const std::size_t size : {1UL, 2UL, 3UL, 7UL, 8UL, 9UL, 11UL, 4096UL, raw.size()}) {
    INFO(size);
    const auto texts = demultiplex(raw, size);
    REQUIRE(texts);
    CHECK(texts->out == "one" + big);
    CHECK(texts->err == std::string("err\0\1", 5));
  }
}

TEST_CASE("a stream that is cut anywhere within a frame is no end", "[engine][demux]") {
  const std::string first = frame(1, "whole");
  const std::string raw = first + frame(2, "second");
  for (std::size_t size = 0; size <= raw.size(); ++size) {
    INFO(size);
    const auto texts = demultiplex(raw.substr(0, size), 5);
    if (size == 0 || size == first.size() || size == raw.size()) {
      CHECK(texts);
    } else {
      REQUIRE_FALSE(texts);
      CHECK(texts.error().code() == Errc::unavailable);
    }
  }
}

TEST_CASE("what is no frame is refused", "[engine][demux]") {
  for (const std::string& bad :
       {std::string("\4\0\0\0\0\0\0\1x", 9), std::string("\1\1\0\0\0\0\0\1x", 9), std::string("plain text")}) {
    const auto texts = demultiplex(bad, 3);
    REQUIRE_FALSE(texts);
    CHECK(texts.error().code() == Errc::failed);
  }
}

TEST_CASE("an error of the Engine's own is told with its text", "[engine][demux]") {
  for (const std::size_t size : {1UL, 5UL, 100UL}) {
    const auto texts = demultiplex(frame(1, "some") + frame(3, "disk on fire\n") + frame(1, "more"), size);
    REQUIRE_FALSE(texts);
    CHECK(texts.error().code() == Errc::unavailable);
    CHECK(texts.error().message().ends_with("disk on fire"));
  }
}
