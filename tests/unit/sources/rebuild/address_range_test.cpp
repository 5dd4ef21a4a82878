#include "sources/rebuild/address_range.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

namespace davit::sources {
namespace {

bool overlap(const char* one, const char* other) {
  const auto first = parse_range(one);
  const auto second = parse_range(other);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->overlaps(*second) == second->overlaps(*first));
  return first->overlaps(*second);
}

TEST_CASE("ranges overlap where one holds the other") {
  CHECK(overlap("172.18.0.0/16", "172.18.4.0/24"));
  CHECK(overlap("172.16.0.0/12", "172.31.255.0/24"));
  CHECK(overlap("0.0.0.0/0", "10.0.0.0/8"));
  CHECK_FALSE(overlap("172.18.0.0/16", "172.19.0.0/16"));
  CHECK_FALSE(overlap("10.0.0.0/25", "10.0.0.128/25"));
  CHECK(overlap("fd00:1::/64", "fd00::/16"));
  CHECK_FALSE(overlap("fd00:1::/64", "fd00:1:0:1::/64"));
  CHECK_FALSE(overlap("0.0.0.0/0", "::/0"));
}

TEST_CASE("what is no range isn't taken for one") {
  const auto* text = GENERATE("", "172.18.0.0", "172.18.0.0/", "172.18.0.0/33", "172.18.0.0/-1", "172.18.0/16",
                              "fd00::/129", "a/8", "172.18.0.0/16x");
  INFO(text);
  CHECK_FALSE(parse_range(text));
}

}  // namespace
}  // namespace davit::sources
