#include "sources/postgres/plan.hpp"

#include <catch2/catch_test_macros.hpp>

#include "sources/host_path.hpp"
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

TEST_CASE("a name that is too long for a file is cut as everywhere") {
  Fixture f;
  const std::string name(300, 'd');
  f.stack.services[0].name = name;
  f.engine.on_command = [](const test::FakeCommand& command) -> test::FakeOutcome {
    // "170005", "17.5", "postgres", "true", "false"
    if (command.argv.back().contains("server_version_num"))
      return {0, "313730303035|31372e35|706f737467726573|74727565|66616c7365\n", ""};
    return {};
  };
  const auto plan =
      plan_postgres(f.engine, f.stack, {}, [](const model::ItemId&) { return true; }, f.servers, f.run.context);
  REQUIRE(plan);
  REQUIRE(plan->items.size() == 1);
  CHECK(plan->items[0].artefacts[0].path == "db/" + artefact_name(name) + "/globals.sql.zst");
}

}  // namespace
}  // namespace davit::sources
