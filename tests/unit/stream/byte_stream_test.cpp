#include "stream/byte_stream.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/streams.hpp"

using namespace davit;
using namespace davit::stream;
using namespace davit::test;

TEST_CASE("copy moves everything and finishes the sink") {
  const std::string text = noise((3 << 20) + 5);
  MemorySource source(text);
  MemorySink sink;
  CHECK(copy(source, sink) == text.size());
  CHECK(sink.contents() == text);
  CHECK(sink.finished());
}

TEST_CASE("copy_without_finish leaves the sink open") {
  MemorySource source("abc");
  MemorySink sink;
  CHECK(copy_without_finish(source, sink) == 3U);
  CHECK_FALSE(sink.finished());
}

TEST_CASE("a failing source or sink ends a copy, and the sink is not finished") {
  MemorySink sink;
  FailingSource source("abcdef", 4);
  const auto copied = copy(source, sink);
  REQUIRE_FALSE(copied);
  CHECK(copied.error().code() == Errc::unavailable);
  CHECK(sink.contents() == "abcd");
  CHECK_FALSE(sink.finished());

  StutterSource whole("abcdef");
  FailingSink failing(3);
  REQUIRE_FALSE(copy(whole, failing));
  CHECK(failing.contents() == "ab");
  CHECK(failing.calls_after_failure() == 0);
}

TEST_CASE("read_all takes up to its limit") {
  const auto read = [](std::size_t limit) {
    MemorySource source("12345");
    return read_all(source, limit);
  };
  CHECK(read(5) == "12345");
  CHECK(read(6) == "12345");
  CHECK(read(SIZE_MAX) == "12345");
  for (const std::size_t limit : {std::size_t{0}, std::size_t{4}}) {
    const auto text = read(limit);
    REQUIRE_FALSE(text);
    CHECK(text.error().code() == Errc::corrupt);
  }
  StutterSource stutter("12345");
  CHECK(read_all(stutter, 5) == "12345");
  MemorySource nothing("");
  CHECK(read_all(nothing, 0) == "");
  FailingSource failing("12345", 2);
  const auto failed = read_all(failing, 100);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == Errc::unavailable);
}
