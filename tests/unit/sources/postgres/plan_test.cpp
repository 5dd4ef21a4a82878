#include "sources/postgres/plan.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/stack.hpp"

namespace davit::sources {
namespace {

struct Fixture {
  test::FakeEngine engine;
  test::QuietRun run;
  Stack stack;
  Servers servers;
  int commands = 0;

  Fixture() {
    // A server that lets nobody in.
    engine.on_command = [this](const test::FakeCommand& command) -> test::FakeOutcome {
      ++commands;
      return {command.argv[0] == "sh" ? 0 : 3, "", "permission denied"};
    };
    Service service;
    service.name = "db";
    service.settings.postgres = Settings::Postgres::dump;
    service.containers = {test::make_container({.service = "db"})};
    engine.add_container(service.containers[0]);
    stack.services = {service};
  }
};

TEST_CASE("a server that a run does not take is named, and not connected to") {
  Fixture f;
  const auto plan = plan_postgres(
      f.engine, f.stack, {}, [](const model::ItemId& id) { return id.text() != "postgres:db"; }, f.servers,
      f.run.context);
  REQUIRE(plan);
  REQUIRE(plan->items.size() == 1);
  CHECK(plan->items[0].id.text() == "postgres:db");
  CHECK(plan->items[0].artefacts.empty());
  CHECK(plan->covered_volumes.empty());
  CHECK(f.commands == 0);
  CHECK(f.servers.empty());
}

TEST_CASE("a server that a run takes must let us in") {
  Fixture f;
  const auto plan =
      plan_postgres(f.engine, f.stack, {}, [](const model::ItemId&) { return true; }, f.servers, f.run.context);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().message().contains("connect to postgres:db"));
  CHECK(plan.error().message().contains("permission denied"));
  CHECK(f.commands > 0);
}

}  // namespace
}  // namespace davit::sources
