#include "sources/rebuild/network_body.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "engine/decode.hpp"
#include "support/stack.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

engine::NetworkInfo network(const std::string& text) {
  const auto info = engine::decode_network(json::parse(text));
  REQUIRE(info);
  return *info;
}

// As Engine 20.10 answers.
engine::NetworkInfo with_range(const std::string& range) {
  return network(R"({"Name":"shop_default","Id":"1","Driver":"bridge","EnableIPv6":false,"IPAM":{"Driver":"default",
    "Options":null,"Config":[)" +
                 range + R"(]},"Internal":false,"Attachable":false,"Ingress":false,"Scope":"local",
    "ConfigFrom":{"Network":""},"ConfigOnly":false,"Containers":{"a":{"Name":"x"}},"Created":"2026-01-01T00:00:00Z",
    "Options":{"com.docker.network.driver.mtu":"1400"},
    "Labels":{"com.docker.compose.project":"shop","com.docker.compose.network":"default","team":"a"}})");
}

Stack stack_with(const std::string& address = {}) {
  engine::ContainerInfo web = test::make_container({.service = "web"});
  json raw = json::parse(web.raw);
  raw["NetworkSettings"]["Networks"]["shop_default"]["IPAMConfig"] =
      address.empty() ? json() : json{{"IPv4Address", address}};
  web.raw = raw.dump();
  return test::make_stack({.containers = {web}});
}

constexpr const char* kChosen = R"({"Subnet":"172.18.0.0/16","Gateway":"172.18.0.1"})";

TEST_CASE(
    "a network is asked for as it was recorded, with labels verbatim and nothing that the Engine says of itself") {
  const auto recorded = with_range(kChosen);
  CHECK(is_network_of(recorded, "shop"));
  CHECK_FALSE(is_network_of(recorded, "other"));
  const auto body = network_body(recorded, {});
  REQUIRE(body);
  CHECK(*body == json::parse(R"({"Name":"shop_default","CheckDuplicate":true,"Driver":"bridge","EnableIPv6":false,
    "Internal":false,"Attachable":false,"Ingress":false,"ConfigOnly":false,
    "Options":{"com.docker.network.driver.mtu":"1400"},"IPAM":{"Driver":"default","Config":[]},
    "Labels":{"com.docker.compose.project":"shop","com.docker.compose.network":"default","team":"a"}})"));
}

TEST_CASE("subnets that somebody has set are asked for again, and those that the Engine has chosen aren't") {
  CHECK(set_subnets(with_range(kChosen), stack_with()).empty());
  CHECK(set_subnets(with_range(R"({"Subnet":"192.168.16.0/20","Gateway":"192.168.16.1/20"})"), stack_with()).empty());
  // Out of the default pools; without a gateway; with another one; with a part set aside.
  for (const char* range :
       {R"({"Subnet":"10.5.0.0/16","Gateway":"10.5.0.1"})", R"({"Subnet":"172.18.0.0/16"})",
        R"({"Subnet":"172.18.0.0/16","Gateway":"172.18.0.254"})",
        R"({"Subnet":"172.18.0.0/24","Gateway":"172.18.0.1"})",
        R"({"Subnet":"192.168.10.0/24","Gateway":"192.168.10.1"})",
        R"({"Subnet":"172.18.0.0/16","Gateway":"172.18.0.1","IPRange":"172.18.4.0/24"})",
        R"({"Subnet":"172.18.0.0/16","Gateway":"172.18.0.1","AuxiliaryAddresses":{"a":"172.18.0.9"}})",
        R"({"Subnet":"fd00:1::/64","Gateway":"fd00:1::1"})"}) {
    INFO(range);
    const auto recorded = with_range(range);
    CHECK(set_subnets(recorded, stack_with()) == subnets_of(recorded));
    CHECK(subnets_of(recorded).size() == 1);
  }
  // A container has a fixed address in it.
  CHECK(set_subnets(with_range(kChosen), stack_with("172.18.0.9")) == Texts{"172.18.0.0/16"});
  // One of two.
  const std::string both = std::string(kChosen) + R"(,{"Subnet":"fd00:1::/64","Gateway":"fd00:1::1/64"})";
  CHECK(set_subnets(with_range(both), stack_with()) == Texts{"fd00:1::/64"});
  const auto body = network_body(with_range(both), {"fd00:1::/64"});
  REQUIRE(body);
  CHECK((*body)["IPAM"]["Config"] == json::parse(R"([{"Subnet":"fd00:1::/64","Gateway":"fd00:1::1"}])"));
}

TEST_CASE("a network whose record isn't the Engine's is refused") {
  engine::NetworkInfo broken;
  broken.name = "shop_default";
  broken.raw = "{";
  const auto body = network_body(broken, {});
  REQUIRE_FALSE(body);
  CHECK(body.error().code() == Errc::corrupt);
  CHECK(subnets_of(broken).empty());
}

}  // namespace
}  // namespace davit::sources
