#include "app/quiesce/start_order.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/stack.hpp"

using namespace davit;
using davit::app::StartOrder;
using Names = std::vector<std::string>;

namespace {

constexpr const char* kDependsOn = "com.docker.compose.depends_on";

sources::Stack stack_of(const std::vector<std::pair<std::string, std::string>>& services) {
  sources::StackParts parts;
  for (const auto& [name, depends_on] : services)
    parts.containers.push_back(test::make_container({.service = name, .labels = {{kDependsOn, depends_on}}}));
  return test::make_stack(std::move(parts));
}

}  // namespace

TEST_CASE("the label of depends_on is read in every form that Compose has written", "[quiesce]") {
  CHECK(app::parse_depends_on("db:service_healthy:false,redis:service_started:true") == Names{"db", "redis"});
  CHECK(app::parse_depends_on("db") == Names{"db"});
  CHECK(app::parse_depends_on(" db , , redis:service_started") == Names{"db", "redis"});
  CHECK(app::parse_depends_on("").empty());
  CHECK(app::parse_depends_on(":,:::").empty());
}

TEST_CASE("services come behind those that they depend on", "[quiesce]") {
  const auto stack = stack_of({{"app", "cache:service_started:false,worker:service_started:false"},
                               {"cache", "db:service_healthy:false"},
                               {"db", ""},
                               {"worker", "db:service_healthy:false,gone:service_started:false"}});
  const StartOrder order(stack);
  CHECK(order.place("db") < order.place("cache"));
  CHECK(order.place("db") < order.place("worker"));
  CHECK(order.place("cache") < order.place("app"));
  CHECK(order.place("worker") < order.place("app"));
  CHECK(order.depends("app", "db"));
  CHECK(order.depends("cache", "db"));
  CHECK_FALSE(order.depends("db", "app"));
  CHECK_FALSE(order.depends("cache", "worker"));
  CHECK_FALSE(order.depends("worker", "gone"));
}

TEST_CASE("services that depend on each other in a circle have an order all the same", "[quiesce]") {
  const auto stack = stack_of({{"a", "b"}, {"b", "c"}, {"c", "a"}, {"self", "self"}, {"z", "a"}});
  const StartOrder order(stack);
  int pairs = 0;
  for (const char* one : {"a", "b", "c", "self", "z"})
    for (const char* other : {"a", "b", "c", "self", "z"}) {
      if (order.depends(one, other)) {
        CHECK(order.place(other) < order.place(one));
        CHECK_FALSE(order.depends(other, one));
        ++pairs;
      }
    }
  CHECK(pairs == 6);  // c < b < a < z
  CHECK(order.depends("z", "c"));
}
