#include "sources/postgres/wrapper.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;
using supervise::State;

std::optional<std::string> program_of(const std::string& raw) {
  engine::ContainerInfo info;
  info.raw = raw;
  return wrapper_program(info);
}

TEST_CASE("davit's path in a container is what it was started with") {
  CHECK(program_of(R"({"Path": "/opt/davit/davit", "Args": ["entrypoint", "--", "postgres"]})") == "/opt/davit/davit");
  CHECK(program_of(R"({"Path": "davit", "Args": ["entrypoint"], "HostConfig": {"Init": true}})") == "davit");
}

TEST_CASE("where that doesn't show, it is the first process, unless that is the Engine's init") {
  CHECK(program_of(R"({"Path": "sh", "Args": ["-c", "exec davit entrypoint"]})") == "/proc/1/exe");
  CHECK(program_of(R"({"Path": "sh", "Args": null, "HostConfig": {"Init": null}})") == "/proc/1/exe");
  CHECK_FALSE(program_of(R"({"Path": "postgres", "Args": [], "HostConfig": {"Init": true}})"));
  CHECK_FALSE(program_of("nonsense"));
  CHECK_FALSE(program_of(""));
}

struct Bench {
  test::FakeEngine engine;
  test::QuietRun run;
  std::vector<std::vector<std::string>> asked;
  test::FakeOutcome outcome{};
  engine::ContainerInfo info;

  Bench() {
    info.name = "shop-db-1";
    info.raw = R"({"Path": "/opt/davit/davit", "Args": ["entrypoint", "--", "x"]})";
    info.id = engine.add_container(info);
    engine.on_command = [this](const test::FakeCommand& command) {
      asked.push_back(command.argv);
      return outcome;
    };
  }
  void answers(State state) {
    outcome = {.exit_code = 0,
               .out = supervise::render_answer(supervise::Status{.state = state, .since = TimePoint(1s)}),
               .err = ""};
  }
  Result<Wrapper> find() { return Wrapper::find(engine, info, run.context); }
};

TEST_CASE("orders go through davit in the container, as arguments") {
  Bench bench;
  bench.answers(State::maintenance);
  const auto wrapper = bench.find();
  REQUIRE(wrapper);
  const auto stopped = wrapper->stop(supervise::StopMode::immediate, 90s, bench.run.context);
  REQUIRE(stopped);
  CHECK(stopped->state == State::maintenance);
  bench.answers(State::running);
  REQUIRE(wrapper->start(5s, bench.run.context));
  REQUIRE(wrapper->restart(supervise::StopMode::fast, 7s, bench.run.context));
  using Words = std::vector<std::string>;
  CHECK(bench.asked ==
        std::vector<Words>{Words{"/opt/davit/davit", "db", "status", "--json"},
                           Words{"/opt/davit/davit", "db", "stop", "--mode", "immediate", "--timeout", "90", "--json"},
                           Words{"/opt/davit/davit", "db", "start", "--timeout", "5", "--json"},
                           Words{"/opt/davit/davit", "db", "restart", "--mode", "fast", "--timeout", "7", "--json"}});
}

TEST_CASE("what went wrong in the container is told as it was there, with the container's name") {
  Bench bench;
  bench.answers(State::running);
  const auto wrapper = bench.find();
  REQUIRE(wrapper);
  bench.outcome = {
      .exit_code = 14, .out = supervise::render_answer(fail(Errc::unavailable, "too late", "wait")), .err = ""};
  const auto stopped = wrapper->stop(supervise::StopMode::fast, 1s, bench.run.context);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code() == Errc::unavailable);
  CHECK(stopped.error().message() == "in container shop-db-1: too late");
  CHECK(stopped.error().hint() == "wait");
}

TEST_CASE("another program in davit's place is no wrapper") {
  Bench bench;
  for (const test::FakeOutcome& outcome :
       {test::FakeOutcome{.exit_code = 127, .out = "", .err = "not found"}, test::FakeOutcome{.exit_code = 126},
        test::FakeOutcome{.exit_code = 0, .out = "psql (17)", .err = ""}, test::FakeOutcome{.exit_code = 1}}) {
    bench.outcome = outcome;
    const auto wrapper = bench.find();
    REQUIRE_FALSE(wrapper);
    CHECK(wrapper.error().code() == Errc::not_found);
  }
  bench.info.raw = R"({"Path": "postgres", "Args": [], "HostConfig": {"Init": true}})";
  bench.asked.clear();
  CHECK(bench.find().error().code() == Errc::not_found);
  CHECK(bench.asked.empty());
}

}  // namespace
}  // namespace davit::sources
