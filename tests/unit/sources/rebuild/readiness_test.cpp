#include "sources/rebuild/readiness.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/skipping_clock.hpp"

namespace davit::sources {
namespace {

using Condition = Dependency::Condition;
using State = Readiness::State;

engine::ContainerInfo container(const std::string& status, std::optional<std::string> health = {}, int exit_code = 0) {
  engine::ContainerInfo info;
  info.name = "shop-db-1";
  info.state.status = status;
  info.state.running = status == "running";
  info.state.health = std::move(health);
  info.state.exit_code = exit_code;
  return info;
}

TEST_CASE("what a container must be depends on who waits for it") {
  struct Case {
    engine::ContainerInfo info;
    State started, healthy, completed;
  };
  for (const Case& each : {Case{container("created"), State::waiting, State::waiting, State::waiting},
                           Case{container("running"), State::ready, State::ready, State::waiting},
                           Case{container("running", "starting"), State::ready, State::waiting, State::waiting},
                           Case{container("running", "healthy"), State::ready, State::ready, State::waiting},
                           Case{container("running", "unhealthy"), State::ready, State::waiting, State::waiting},
                           Case{container("restarting", {}, 1), State::waiting, State::waiting, State::waiting},
                           Case{container("exited"), State::ready, State::ready, State::ready},
                           Case{container("exited", "unhealthy"), State::ready, State::failed, State::ready},
                           Case{container("exited", {}, 3), State::failed, State::failed, State::failed},
                           Case{container("dead", {}, 137), State::failed, State::failed, State::failed}}) {
    INFO(each.info.state.status << " " << each.info.state.health.value_or("-") << " " << each.info.state.exit_code);
    CHECK(readiness_of(each.info, Condition::started).state == each.started);
    CHECK(readiness_of(each.info, Condition::healthy).state == each.healthy);
    CHECK(readiness_of(each.info, Condition::completed).state == each.completed);
  }
  CHECK(readiness_of(container("running", "starting"), Condition::healthy).why == "its health check says \"starting\"");
  CHECK(readiness_of(container("exited", {}, 3), Condition::started).why == "it has ended with exit code 3");
}

TEST_CASE("a health check may give its container time to start in") {
  engine::ContainerInfo info;
  CHECK(start_period_of(info) == std::chrono::seconds(0));
  info.raw = R"({"Config": {"Healthcheck": {"Test": ["CMD", "x"]}}})";
  CHECK(start_period_of(info) == std::chrono::seconds(0));
  info.raw = R"({"Config": {"Healthcheck": {"StartPeriod": 90000000001}}})";
  CHECK(start_period_of(info) == std::chrono::seconds(91));
}

// On each sleep `step` is played.
struct PlayingClock : test::SkippingClock {
  std::function<void()> step;
  void sleep_for(std::chrono::milliseconds duration) const override {
    SkippingClock::sleep_for(duration);
    if (step) step();
  }
};

struct Fixture {
  test::FakeEngine engine;
  PlayingClock clock;
  test::QuietReporter reporter;
  std::stop_source stop;
  RunContext run{.run_id = "0123456789abcdef", .clock = clock, .reporter = reporter, .stop = stop.get_token()};
  engine::ContainerId id;
  Fixture() {
    engine::ContainerInfo info = container("running", "starting");
    id = engine.add_container(info);
  }
  Result<> wait(Condition condition) { return wait_until_ready(engine, id, condition, std::chrono::seconds(60), run); }
};

TEST_CASE("a container is waited for until it is healthy, or has ended well") {
  Fixture fixture;
  int steps = 0;
  fixture.clock.step = [&] {
    if (++steps == 3) fixture.engine.set_health("shop-db-1", "healthy");
  };
  REQUIRE(fixture.wait(Condition::healthy));
  CHECK(steps == 3);
  fixture.clock.step = [&] { fixture.engine.finish_container(fixture.id, 0); };
  CHECK(fixture.wait(Condition::completed));
}

TEST_CASE("one that ends, or takes too long, is told with its log") {
  Fixture fixture;
  const auto late = fixture.wait(Condition::healthy);
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == Errc::unavailable);
  CHECK(late.error().message() ==
        "container shop-db-1 is not ready after 60 s: its health check says \"starting\": its last lines:\n  log of "
        "shop-db-1");
  fixture.clock.step = [&] { fixture.engine.finish_container(fixture.id, 2); };
  const auto ended = fixture.wait(Condition::healthy);
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code() == Errc::failed);
  CHECK(ended.error().message().starts_with("container shop-db-1: it has ended with exit code 2: its last lines:"));
}

TEST_CASE("waiting heeds the run's stop") {
  Fixture fixture;
  fixture.clock.step = [&] { fixture.stop.request_stop(); };
  const auto stopped = fixture.wait(Condition::healthy);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code() == Errc::cancelled);
}

}  // namespace
}  // namespace davit::sources
