#include "sources/postgres/ready.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "support/fake_postgres.hpp"
#include "support/quiet_run.hpp"

namespace davit::sources {
namespace {

// A server in a container, asked by psql. Counts how often it is asked who it is.
struct Fixture {
  test::FakeEngine engine;
  test::QuietRun run;
  engine::ContainerId id;
  std::vector<std::string> state{"*", "3600", "1"};  // listen_addresses, seconds since its start, process
  std::string refusal;
  int introductions = 0;
  int attempts = 0;
  RealServer real_server{engine, run.context};

  Fixture() {
    engine::ContainerInfo container;
    container.name = "shop-db-1";
    id = engine.add_container(container);
    engine.on_command = [this](const test::FakeCommand& command) -> test::FakeOutcome {
      ++attempts;
      if (!refusal.empty()) return {2, "", refusal};
      if (command.argv.back().contains("listen_addresses")) return test::psql_rows({state});
      ++introductions;
      return test::psql_rows({{"170005", "17.5", "postgres", "true", "false"}});
    };
  }
};

TEST_CASE("a server that has been up for long is the real one at the first look") {
  Fixture fixture;
  CHECK(fixture.real_server(fixture.id).value());
  CHECK(fixture.introductions == 1);
}

TEST_CASE("the server of an image's first start is not the real one, until it has been up for long") {
  Fixture fixture;
  const auto [listens, pid, enough] =
      GENERATE(std::tuple("", "47", 60), std::tuple("*", "47", 1), std::tuple("", "1", 1));
  fixture.state = {listens, std::to_string(enough - 1), pid};
  CHECK_FALSE(fixture.real_server(fixture.id).value());
  CHECK_FALSE(fixture.real_server(fixture.id).value());
  fixture.state[1] = std::to_string(enough);
  CHECK(fixture.real_server(fixture.id).value());
  CHECK(fixture.introductions == 1);
}

TEST_CASE("a server that went away is met anew") {
  Fixture fixture;
  fixture.state = {"", "5", "47"};
  CHECK_FALSE(fixture.real_server(fixture.id).value());
  fixture.refusal =
      R"(psql: error: connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory)";
  CHECK_FALSE(fixture.real_server(fixture.id).value());
  fixture.attempts = 0;
  CHECK_FALSE(fixture.real_server(fixture.id).value());
  CHECK(fixture.attempts == 3);  // each way once: no database is there where no server is
  fixture.refusal.clear();
  fixture.state = {"*", "2", "1"};
  CHECK(fixture.real_server(fixture.id).value());
  CHECK(fixture.introductions == 2);
}

}  // namespace
}  // namespace davit::sources
