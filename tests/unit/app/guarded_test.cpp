#include "app/guarded.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/fake_guard.hpp"
#include "support/quiet_run.hpp"

using namespace davit;
using davit::test::QuietRun;

namespace {

struct Fixture {
  test::GuardState state;
  QuietRun run;

  template <class Work>
  Result<int> guarded(Work work) {
    return app::guarded(test::fake_guards(state), "shop", run.context, work);
  }
};

const nlohmann::json kHeld{{"kind", "held"}};

}  // namespace

TEST_CASE("work is done under a guard, which is released behind it") {
  Fixture fixture;
  const auto done = fixture.guarded([&](helper::Guard& guard, RunContext& run) -> Result<int> {
    CHECK(fixture.state.held);
    CHECK(run.run_id == fixture.run.context.run_id);
    TRY(guard.record("app", kHeld));
    TRY(guard.strike("app"));
    return 7;
  });
  REQUIRE(done);
  CHECK(*done == 7);
  CHECK(fixture.state.log == std::vector<std::string>{"record app", "strike app", "release"});
  CHECK_FALSE(fixture.state.held);
}

TEST_CASE("work that fails gives the lock away, too, and keeps its error") {
  Fixture fixture;
  const auto done = fixture.guarded(
      [](helper::Guard&, RunContext&) -> Result<int> { return fail(Errc::corrupt, "no good", "do better"); });
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::corrupt);
  CHECK(done.error().message() == "no good");
  CHECK(done.error().hint() == "do better");
  CHECK(fixture.state.log == std::vector<std::string>{"release"});
}

TEST_CASE("work that leaves something to the guard says so") {
  Fixture fixture;
  const auto done = fixture.guarded([](helper::Guard& guard, RunContext&) -> Result<int> {
    TRY(guard.record("app", kHeld));
    return fail(Errc::unavailable, "no answer");
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::unavailable);
  CHECK(done.error().message().starts_with("no answer; "));
  CHECK(done.error().message().contains("journal"));
}

TEST_CASE("what was made stands although its guard can't be released") {
  Fixture fixture;
  fixture.state.fault = [](std::string_view what) -> Result<> {
    if (what == "release") return fail(Errc::unavailable, "remove the guard: no answer");
    return {};
  };
  REQUIRE(fixture.guarded([](helper::Guard&, RunContext&) -> Result<int> { return 1; }));
  CHECK(fixture.run.reporter.warnings == std::vector<std::string>{"remove the guard: no answer"});
}

TEST_CASE("work stops when the guard is lost, and the error says why") {
  Fixture fixture;
  const auto done = fixture.guarded([&](helper::Guard&, RunContext& run) -> Result<int> {
    CHECK(run.check());
    fixture.state.lost.request_stop();
    TRY(run.check());
    return 1;
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::failed);
  CHECK(done.error().message() == "the guard is lost: cancelled");

  // It has cleared away what the work was about to use.
  Fixture again;
  const auto missing = again.guarded([&](helper::Guard&, RunContext&) -> Result<int> {
    again.state.lost.request_stop();
    return fail(Errc::not_found, "no such container");
  });
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == Errc::failed);
}

TEST_CASE("work stops when its user wants it to, and that is what the error says") {
  Fixture fixture;
  const auto done = fixture.guarded([&](helper::Guard&, RunContext& run) -> Result<int> {
    fixture.run.stop.request_stop();
    TRY(run.check());
    return 1;
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::cancelled);
  CHECK(fixture.state.log == std::vector<std::string>{"release"});
}

TEST_CASE("no work is done where the stack is another run's") {
  Fixture fixture;
  fixture.state.held = true;
  bool worked = false;
  const auto done = fixture.guarded([&](helper::Guard&, RunContext&) -> Result<int> {
    worked = true;
    return 1;
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::locked);
  CHECK_FALSE(worked);
}
