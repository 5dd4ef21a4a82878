#include "sources/rabbitmq/definitions.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace davit;
using namespace davit::sources;

namespace {

Definitions parsed(const std::string& json) {
  auto definitions = Definitions::parse(json);
  REQUIRE(definitions);
  return *std::move(definitions);
}

constexpr const char* kFresh =
    R"({"rabbit_version":"4.0.5","vhosts":[{"name":"/"}],"users":[{"name":"guest","password_hash":"x"}],)"
    R"("permissions":[{"user":"guest","vhost":"/","configure":".*"}],"queues":[],"bindings":[],)"
    R"("global_parameters":[{"name":"cluster_tags","value":[]},{"name":"internal_cluster_id","value":"mine"}]})";

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("definitions are told apart by what they are called, and compared as wholes", "[rabbitmq]") {
  const Definitions backup = parsed(
      R"({"vhosts":[{"name":"/"},{"name":"shop"}],"users":[{"name":"app","tags":["a"]}],)"
      R"("queues":[{"name":"orders","vhost":"shop","durable":true,"arguments":{"x-max":1}},{"name":"orders","vhost":"/"}],)"
      R"("bindings":[{"source":"e","vhost":"shop","destination":"orders","destination_type":"queue","routing_key":"k",)"
      R"("arguments":{}}],"global_parameters":[{"name":"internal_cluster_id","value":"theirs"}]})");
  CHECK(backup.count() == 6);
  const Definitions present =
      parsed(R"({"vhosts":[{"name":"/","more":1}],"users":[{"name":"app","tags":[]},{"name":"other"}],)"
             R"("queues":[{"name":"orders","vhost":"shop","durable":true,"arguments":{"x-max":2}}]})");
  CHECK(backup.changed(present) == Names{"queue orders in vhost shop", "user app"});
  CHECK(backup.missing(present) ==
        Names{"binding of e to orders queue by k in vhost shop", "queue orders in vhost /", "vhost shop"});
  CHECK(backup.changed(backup).empty());
  CHECK(backup.missing(backup).empty());
  CHECK(backup.summary() == "2 vhosts (/, shop), 1 user (app), 2 queues (orders, orders)");
}

TEST_CASE("a broker that was just made is told from one that somebody uses", "[rabbitmq]") {
  CHECK(parsed(kFresh).is_fresh());
  CHECK(parsed(kFresh).count() == 4);
  for (const char* used :
       {R"({"vhosts":[{"name":"/"},{"name":"x"}],"users":[]})", R"({"vhosts":[],"users":[{"name":"a"},{"name":"b"}]})",
        R"({"vhosts":[],"users":[],"queues":[{"name":"q","vhost":"/"}]})",
        R"({"vhosts":[],"users":[],"policies":[{"name":"p","vhost":"/"}]})"})
    CHECK_FALSE(parsed(used).is_fresh());
}

TEST_CASE("what is no definitions is refused", "[rabbitmq]") {
  for (const char* wrong : {"", "Exporting definitions", "{}", "[]", R"({"vhosts":[]})", R"({"vhosts":{},"users":[]})",
                            R"({"vhosts":[],"users":[1]})", R"({"vhosts":[],"users":[],"queues":3})"}) {
    const auto definitions = Definitions::parse(wrong);
    REQUIRE_FALSE(definitions);
    CHECK(definitions.error().code() == Errc::corrupt);
  }
}
