#include "stream/digest.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/streams.hpp"

using namespace davit;
using namespace davit::stream;
using namespace davit::test;

namespace {
constexpr auto kOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr auto kOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // FIPS 180-2
}  // namespace

TEST_CASE("SHA-256 gives the published values") {
  CHECK(extent_of(bytes_of("abc")) == Extent{3, kOfAbc});
  CHECK(extent_of({}) == Extent{0, kOfNothing});
}

TEST_CASE("a digest sink passes on, hashes and counts") {
  MemorySink next;
  DigestSink sink(next);
  REQUIRE(sink.write(bytes_of("a")));
  REQUIRE(sink.write(bytes_of("")));
  REQUIRE(sink.write(bytes_of("bc")));
  CHECK(sink.bytes() == 3);
  CHECK_FALSE(next.finished());
  REQUIRE(sink.finish());
  CHECK(next.finished());
  CHECK(next.contents() == "abc");
  CHECK(sink.extent() == Extent{3, kOfAbc});
}

TEST_CASE("a digest source passes on, hashes and counts, and stays at its end") {
  StutterSource next("abc");
  DigestSource source(next);
  CHECK(read_all(source, 10) == "abc");
  CHECK(source.extent() == Extent{3, kOfAbc});
  std::byte byte{};
  CHECK(source.read({&byte, 1}) == 0U);
  CHECK(source.extent() == Extent{3, kOfAbc});
}
