#include "sources/rebuild/start_order.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "engine/decode.hpp"
#include "support/stack.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;
using Condition = Dependency::Condition;
using Dependencies = std::vector<Dependency>;

engine::ContainerInfo container(const std::string& service, const std::string& depends_on, bool running = true) {
  return test::make_container(
      {.service = service, .running = running, .labels = {{"com.docker.compose.depends_on", depends_on}}});
}

engine::ContainerInfo changed(engine::ContainerInfo info, const std::string& pointer, const json& value) {
  json raw = json::parse(info.raw);
  raw[json::json_pointer(pointer)] = value;
  const auto decoded = engine::decode_container(raw);
  REQUIRE(decoded);
  return *decoded;
}

std::vector<std::string> names_of(const std::vector<StartStep>& steps) {
  std::vector<std::string> names;
  for (const StartStep& step : steps) names.push_back(step.service);
  return names;
}

TEST_CASE("services come behind those they depend on, and by name where that leaves it open") {
  const Stack stack = test::make_stack(
      {.containers = {container("app", "migrate:service_completed_successfully:false,cache:service_started:true"),
                      container("cache", ""), container("db", ""),
                      container("migrate", "db:service_healthy:false", false),
                      container("web", "app,elsewhere:service_healthy:false"), container("zoo", "")}});
  const auto order = start_order(stack);
  REQUIRE(order);
  CHECK(names_of(*order) == std::vector<std::string>{"cache", "db", "migrate", "app", "web", "zoo"});
  CHECK((*order)[3].after == Dependencies{{"cache", Condition::started}, {"migrate", Condition::completed}});
  CHECK((*order)[2].after == Dependencies{{"db", Condition::healthy}});
  CHECK((*order)[4].after == Dependencies{{"app", Condition::started}});  // nobody knows the other one
}

TEST_CASE("links and shared namespaces are dependencies, too; of two conditions the stricter counts") {
  const Stack stack = test::make_stack(
      {.containers = {
           changed(container("app", "db:service_healthy:false"), "/HostConfig/Links", {"/shop-db-1:/shop-app-1/db"}),
           container("db", ""), changed(container("side", ""), "/HostConfig/NetworkMode", "container:id-app-1"),
           changed(container("web", ""), "/NetworkSettings/Networks/shop_default/Links", {"shop-app-1:app"})}});
  CHECK(dependencies_of(*stack.find_service("app"), stack) == Dependencies{{"db", Condition::healthy}});
  CHECK(dependencies_of(*stack.find_service("side"), stack) == Dependencies{{"app", Condition::started}});
  CHECK(dependencies_of(*stack.find_service("web"), stack) == Dependencies{{"app", Condition::started}});
}

TEST_CASE("services that wait for each other are refused by name") {
  const Stack stack = test::make_stack(
      {.containers = {container("a", "b"), container("b", "c"), container("c", "b"), container("d", "")}});
  const auto order = start_order(stack);
  REQUIRE_FALSE(order);
  CHECK(order.error().code() == Errc::usage);
  CHECK(order.error().message() == "services of stack shop wait for each other: b → c → b");
}

TEST_CASE("what ran is started, and what one that ran has waited for to complete") {
  const Stack stack = test::make_stack(
      {.containers = {container("app", "migrate:service_completed_successfully:false,old:service_started:false"),
                      container("migrate", "", false), container("old", "", false),
                      changed(container("restless", "", false), "/State/Status", "restarting"),
                      changed(container("paused", "", false), "/State/Paused", true)}});
  for (const char* name : {"app", "migrate", "restless", "paused"}) {
    INFO(name);
    CHECK(is_started(*stack.find_service(name), stack));
  }
  CHECK_FALSE(is_started(*stack.find_service("old"), stack));
}

}  // namespace
}  // namespace davit::sources
