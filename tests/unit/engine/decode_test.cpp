#include "engine/decode.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

namespace davit::engine {
namespace {

using nlohmann::json;

TEST_CASE("a container's inspect answer is decoded, and kept whole") {
  const json answer =
      json::parse(R"({"Id":"0123","Name":"/shop-db-1","Image":"sha256:ab","HostConfig":{"NetworkMode":"shop_default"},
    "Config":{"Image":"postgres:17","Env":["A=1","B="],"Labels":{"x":"y"},"User":"postgres","Hostname":"db"},
    "State":{"Status":"running","Running":true,"Paused":false,"ExitCode":0,"Health":{"Status":"healthy"}},
    "Mounts":[{"Type":"volume","Name":"shop_db","Source":"/v","Destination":"/data","Driver":"local","RW":true},
              {"Type":"bind","Source":"/srv","Destination":"/srv","RW":false}], "Unknown":{"kept":[1]}})");
  const auto info = decode_container(answer);
  REQUIRE(info);
  CHECK(info->id.value == "0123");
  CHECK(info->name == "shop-db-1");
  CHECK(info->image == "postgres:17");
  CHECK(info->image_id == "sha256:ab");
  CHECK(info->labels == Labels{{"x", "y"}});
  CHECK(info->env == std::vector<std::string>{"A=1", "B="});
  CHECK(info->user == "postgres");
  CHECK(info->hostname == "db");
  CHECK(info->network_mode == "shop_default");
  CHECK(info->state.running);
  CHECK(info->state.health == "healthy");
  REQUIRE(info->mounts.size() == 2);
  CHECK(info->mounts[0].name == "shop_db");
  CHECK(info->mounts[0].writable);
  CHECK_FALSE(info->mounts[1].writable);
  CHECK(json::parse(info->raw) == answer);
}

TEST_CASE("fields that are null or missing are empty") {
  const auto info = decode_container(json::parse(R"({"Id":"0","Config":{"Env":null,"Labels":null},"Mounts":null,
    "State":{"Status":"exited","ExitCode":null,"Health":{"Status":"none"}}})"));
  REQUIRE(info);
  CHECK(info->env.empty());
  CHECK(info->labels.empty());
  CHECK(info->mounts.empty());
  CHECK_FALSE(info->state.running);
  CHECK_FALSE(info->state.health.has_value());
  const auto volume = decode_volume(json::parse(R"({"Name":"v","Options":null,"Labels":null})"));
  REQUIRE(volume);
  CHECK(volume->options.empty());
}

TEST_CASE("a listed container goes by its own name, not by a link's") {
  const auto summary = decode_container_summary(
      json::parse(R"({"Id":"1","Names":["/app/db","/shop-db-1"],"Image":"i","State":"exited","Labels":{}})"));
  REQUIRE(summary);
  CHECK(summary->name == "shop-db-1");
  CHECK(summary->state == "exited");
}

TEST_CASE("what is not the Engine's JSON is corrupt") {
  CHECK(decode_container(json::parse("[]")).error().code() == Errc::corrupt);
  CHECK(decode_container(json::parse(R"({"Id":1})")).error().code() == Errc::corrupt);
  CHECK(decode_container(json::parse(R"({"Id":"0","Mounts":{}})")).error().code() == Errc::corrupt);
  CHECK(decode_container(json::parse(R"({"Id":"0","Config":{"Labels":[]}})")).error().code() == Errc::corrupt);
  CHECK(decode_volume(json::parse(R"({"Driver":"local"})")).error().code() == Errc::corrupt);
  CHECK(decode_network(json::parse(R"({"Name":"n","Labels":{"a":1}})")).error().code() == Errc::corrupt);
  CHECK(decode_image(json::parse("null")).error().code() == Errc::corrupt);
}

}  // namespace
}  // namespace davit::engine
