#include "engine/mark_scanner.hpp"

#include <catch2/catch_test_macros.hpp>

#include "stream/memory_stream.hpp"

using namespace davit;
using engine::MarkScanner;

namespace {

constexpr std::string_view kMark = "0123abcd";

struct Scanned {
  std::string out;
  bool done = false;
  int exit_code = -1;
  std::string preamble;
};

Result<Scanned> scan(const std::string& text, std::size_t size) {
  MarkScanner scanner(kMark);
  stream::MemorySink sink;
  for (std::size_t at = 0; at < text.size(); at += size)
    TRY(scanner.feed(std::as_bytes(std::span(text)).subspan(at, std::min(size, text.size() - at)), sink));
  return Scanned{
      .out = sink.contents(), .done = scanner.done(), .exit_code = scanner.exit_code(), .preamble = scanner.preamble()};
}

}  // namespace

TEST_CASE("output comes out exactly, whatever the pieces", "[engine][mark]") {
  for (const std::string& output :
       {std::string(), std::string("text\n"), std::string("no newline"), std::string("\n\n\n"),
        std::string("\0\n\xff\n", 4), std::string("\n0123abc"), std::string("\n0123abcd"),
        std::string("\n0123abcdX 0\n"), std::string("0123abcd 0\n"), std::string("\n0123\n0123abc\n"),
        std::string(100'000, '\n') + "\n0123abcd\nx"}) {
    const std::string text = "0123abcd\n" + output + "\n0123abcd 17\nlater noise\n0123abcd 3\n";
    for (const std::size_t size : {1UL, 2UL, 3UL, 5UL, 9UL, 10UL, 11UL, 1000UL, text.size()}) {
      INFO(output.substr(0, 20) << " in pieces of " << size);
      const auto scanned = scan(text, size);
      REQUIRE(scanned);
      CHECK(scanned->out == output);
      CHECK(scanned->done);
      CHECK(scanned->exit_code == 17);
      CHECK(scanned->preamble.empty());
    }
  }
}

TEST_CASE("without the last mark it is not done, wherever the stream is cut", "[engine][mark]") {
  const std::string text = "0123abcd\noutput\n0123abcd 0\n";
  for (std::size_t size = 0; size < text.size(); ++size) {
    INFO(size);
    const auto scanned = scan(text.substr(0, size), 4);
    REQUIRE(scanned);
    CHECK_FALSE(scanned->done);
    CHECK(std::string("output").starts_with(scanned->out));
  }
}

TEST_CASE("what the Engine says instead of a shell is no output", "[engine][mark]") {
  const std::string text = "OCI runtime exec failed: \"sh\": executable file not found\r\n";
  const auto scanned = scan(text, 7);
  REQUIRE(scanned);
  CHECK(scanned->out.empty());
  CHECK(scanned->preamble == text);
  CHECK_FALSE(scanned->done);
}

TEST_CASE("a last mark without an exit code is refused", "[engine][mark]") {
  for (const char* code : {"\n", "x\n", "1x\n", "256\n", "-1\n", "99999"}) {
    INFO(code);
    CHECK_FALSE(scan(std::string("0123abcd\nout\n0123abcd ") + code, 3));
  }
}
