#include "app/quiesce/put_back.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"

using namespace davit;
using namespace davit::app;
using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

namespace {

engine::ContainerId add(test::FakeEngine& engine, int number, const std::string& status) {
  engine::ContainerInfo info;
  info.name = "shop-app-" + std::to_string(number);
  info.labels = {{"com.docker.compose.project", "shop"},
                 {"com.docker.compose.service", "app"},
                 {"com.docker.compose.container-number", std::to_string(number)}};
  info.state.status = status;
  return engine.add_container(info);
}

nlohmann::json entry(const engine::ContainerId& id, How how, bool stopping = false) {
  return entry_of({"shop", "app", 2, id, how, 0, stopping});
}

}  // namespace

TEST_CASE("what a dead run held runs again, whatever it is now", "[quiesce]") {
  test::FakeEngine engine;
  struct Case {
    std::string status;
    How how;
    Lines lines;
  };
  for (const Case& each : {Case{"paused", How::pause, {"unpaused service app again"}},
                           Case{"exited", How::stop, {"started service app again"}},
                           Case{"exited", How::pause, {"started service app again"}},
                           Case{"paused", How::stop, {"unpaused service app again"}}, Case{"running", How::pause, {}},
                           Case{"running", How::stop, {}}}) {
    INFO(each.status << " " << name_of(each.how));
    const auto id = add(engine, 2, each.status);
    auto lines = put_back_held(engine, entry(id, each.how), 1h);
    REQUIRE(lines);
    CHECK(*lines == each.lines);
    CHECK(engine.status_of("shop-app-2") == "running");
    lines = put_back_held(engine, entry(id, each.how), 1h);
    REQUIRE(lines);
    CHECK(lines->empty());
    REQUIRE(engine.remove_container(id, false));
  }
}

TEST_CASE("what runs still, and may just be being held, is looked at again until its time is over", "[quiesce]") {
  struct PatientEngine : test::FakeEngine {
    Result<engine::ContainerInfo> inspect_container(const engine::ContainerId& id) override {
      auto info = FakeEngine::inspect_container(id);
      if (info) info->raw = R"({"Config":{"StopTimeout":60}})";
      return info;
    }
  };
  PatientEngine engine;
  const auto id = add(engine, 2, "running");
  const auto pausing = entry(id, How::pause);
  const auto stopping = entry(id, How::stop, true);
  CHECK_FALSE(put_back_held(engine, pausing, 500ms));
  CHECK(put_back_held(engine, pausing, 1s));
  const auto early = put_back_held(engine, stopping, 64s);
  REQUIRE_FALSE(early);
  CHECK(early.error().message() == "service app runs, and may still be about to be stopped");
  CHECK(put_back_held(engine, stopping, 65s));
  CHECK(put_back_held(engine, entry(id, How::stop), 0s));  // it was seen stopped: somebody has started it
  REQUIRE(engine.stop_container(id, {}));
  CHECK(put_back_held(engine, stopping, 0s) == Lines{"started service app again"});
  CHECK(engine.status_of("shop-app-2") == "running");
}

TEST_CASE("one that was made anew is found by its service and number", "[quiesce]") {
  test::FakeEngine engine;
  add(engine, 1, "exited");
  add(engine, 2, "exited");
  const auto lines = put_back_held(engine, entry({"gone"}, How::stop), 1h);
  REQUIRE(lines);
  CHECK(*lines == Lines{"started service app again"});
  CHECK(engine.status_of("shop-app-1") == "exited");
  CHECK(engine.status_of("shop-app-2") == "running");
}

TEST_CASE("one that is gone altogether is told of, and nothing else is started", "[quiesce]") {
  test::FakeEngine engine;
  add(engine, 1, "exited");
  const auto lines = put_back_held(engine, entry({"gone"}, How::stop), 1h);
  REQUIRE(lines);
  CHECK(*lines == Lines{"service app is not started again: its container is gone"});
  CHECK(engine.status_of("shop-app-1") == "exited");
}

TEST_CASE("what can't be put back is an error, to be tried again", "[quiesce]") {
  test::FakeEngine engine;
  const auto id = add(engine, 2, "paused");
  engine.set_faults({.fail_at = 2, .dead_after = true});
  const auto failed = put_back_held(engine, entry(id, How::pause), 1h);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message().starts_with("let service app run again: "));
  engine.set_faults({});
  CHECK(put_back_held(engine, entry(id, How::pause), 1h));
  CHECK(engine.status_of("shop-app-2") == "running");
}

TEST_CASE("an entry that says too little is refused", "[quiesce]") {
  test::FakeEngine engine;
  test::QuietRun run;
  for (const char* field : {"project", "service", "number", "container", "how", "order"}) {
    auto broken = entry({"x"}, How::stop);
    broken.erase(field);
    CHECK_FALSE(put_back_held(engine, broken, 1h));
    broken[field] = nlohmann::json::array();
    CHECK_FALSE(put_back_held(engine, broken, 1h));
  }
  for (const char* field : {"project", "service", "argv", "user", "timeout"}) {
    auto broken = entry_of_after("shop", "app", {{"true"}, "", std::chrono::seconds(1)});
    broken.erase(field);
    CHECK_FALSE(put_back_after(engine, broken, 0ms, run.context));
  }
}

TEST_CASE("the hook that a dead run owes is run where the service runs", "[quiesce]") {
  test::FakeEngine engine;
  test::QuietRun run;
  std::vector<std::string> ran;
  int exit_code = 0;
  engine.on_command = [&](const test::FakeCommand& command) {
    ran.push_back(command.container + " " + command.argv.at(0) + " " + command.argv.at(1) + " " + command.user);
    return test::FakeOutcome{exit_code, "", "no good"};
  };
  const auto owed = entry_of_after("shop", "app", {{"go", "on"}, "www", std::chrono::seconds(5)});
  auto lines = put_back_after(engine, owed, 0ms, run.context);
  REQUIRE(lines);
  CHECK(*lines == Lines{"davit.after of service app is not run: its container is gone"});

  const auto id = add(engine, 1, "exited");
  CHECK_FALSE(put_back_after(engine, owed, 59s, run.context));  // it may run later
  lines = put_back_after(engine, owed, 60s, run.context);
  REQUIRE(lines);
  CHECK(*lines == Lines{"davit.after of service app is not run: the service does not run"});
  REQUIRE(engine.start_container(id));
  lines = put_back_after(engine, owed, 0ms, run.context);
  REQUIRE(lines);
  CHECK(*lines == Lines{"ran davit.after of service app"});
  exit_code = 2;
  lines = put_back_after(engine, owed, 0ms, run.context);
  REQUIRE(lines);
  CHECK(*lines == Lines{"ran davit.after of service app, which failed: it ended with exit code 2: no good"});
  CHECK(ran == std::vector<std::string>{"shop-app-1 go on www", "shop-app-1 go on www"});
}

TEST_CASE("a hook that was cut off has had its chance, and one that never began has not", "[quiesce]") {
  test::FakeEngine engine;
  test::QuietRun run;
  add(engine, 1, "running");
  engine.on_command = [](const test::FakeCommand&) { return test::FakeOutcome{0, std::string(5000, 'x'), ""}; };
  const auto owed = entry_of_after("shop", "app", {{"go"}, "", std::chrono::seconds(5)});
  int begun = 0;
  for (std::uint64_t k = 1;; ++k) {
    const auto before = static_cast<std::ptrdiff_t>(engine.log().size());
    engine.set_faults({.fail_at = k});
    const auto lines = put_back_after(engine, owed, 0ms, run.context);
    if (!engine.failed()) break;
    INFO("operation " << k << ": " << (lines ? lines->at(0) : lines.error().message()));
    const Lines log = engine.log();
    const bool printed = std::count(log.begin() + before, log.end(), "output of go") > 1;
    CHECK(lines.has_value() == printed);
    if (printed && lines) CHECK(lines->at(0).starts_with("ran davit.after of service app, which failed: "));
    begun += printed ? 1 : 0;
  }
  CHECK(begun > 0);
}
