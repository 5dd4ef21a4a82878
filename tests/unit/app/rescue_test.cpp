#include "app/rescue.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"

using namespace davit;
using davit::test::QuietRun;

namespace {

struct Fixture {
  test::FakeEngine engine;
  helper::Host host{engine, {}};
  QuietRun run;
  app::RescueReport rescue(const app::JournalEntries& entries) {
    return app::rescue(host, entries, std::chrono::hours(1), run.context);
  }
};

}  // namespace

TEST_CASE("an entry of a kind that nobody knows is no reason to call all well") {
  Fixture fixture;
  const auto report = fixture.rescue({{"a", {{"kind", "of magic"}}}, {"b", nlohmann::json::array()}});
  CHECK(report.settled.empty());
  REQUIRE(report.failed.size() == 2);
  CHECK(report.failed[0].starts_with("b: "));
  CHECK(report.failed[1].contains("of magic"));
}

TEST_CASE("a decision is forgotten when everything before it is done, and not sooner") {
  Fixture fixture;
  const nlohmann::json decided{{"kind", "decided"}};
  CHECK(fixture.rescue({{"d", decided}}).settled == std::vector<std::string>{"d"});
  CHECK(fixture.rescue({{"a", {{"kind", "of magic"}}}, {"d", decided}}).settled.empty());
}
