#include "app/rescue.hpp"

#include <catch2/catch_test_macros.hpp>

#include "sources/rebuild/rebuild_entry.hpp"
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

TEST_CASE("what ran only for a restore is stopped when nothing is put right through it any more") {
  Fixture fixture;
  engine::ContainerInfo info;
  info.name = "shop-search-1";
  info.state.status = "running";
  info.state.running = true;
  const auto id = fixture.engine.add_container(info);
  const nlohmann::json stop = sources::to_json(sources::StopEntry{"4f2a", "shop", {{id.value, "search"}}});
  const nlohmann::json decided{{"kind", "decided"}};
  SECTION("nothing is left") {
    const auto report = fixture.rescue({{"stop", stop}, {"decided", decided}});
    CHECK(report.settled == std::vector<std::string>{"stop", "decided"});
    REQUIRE(report.lines.size() == 1);
    CHECK(report.lines.front() == "restore 4f2a: stopped service search, which ran only for it");
    CHECK(fixture.engine.status_of("shop-search-1") == "exited");
    CHECK(fixture.rescue({{"stop", stop}, {"decided", decided}}).lines.empty());
  }
  SECTION("something is") {
    const auto report = fixture.rescue({{"a", {{"kind", "search"}}}, {"stop", stop}, {"decided", decided}});
    CHECK(report.settled.empty());
    CHECK(fixture.engine.status_of("shop-search-1") == "running");
  }
  SECTION("it was not decided") {
    CHECK(fixture.rescue({{"stop", stop}}).settled == std::vector<std::string>{"stop"});
    CHECK(fixture.engine.status_of("shop-search-1") == "running");
  }
}

TEST_CASE("services are started last, when everything else is right") {
  Fixture fixture;
  const nlohmann::json created{{"Image", "app:1"}, {"HostConfig", nlohmann::json::object()}};
  fixture.engine.add_image("app:1");
  const auto id = fixture.engine.create_container("shop-app-1", created).value();
  const nlohmann::json start =
      sources::to_json(sources::StartEntry{"4f2a", "shop", {{.container = id.value, .service = "app"}}});
  const nlohmann::json decided{{"kind", "decided"}};
  SECTION("nothing is left") {
    // A network that is to be removed stays, as it was decided.
    const nlohmann::json network = sources::to_json(sources::NetworkEntry{"4f2a", "shop_default", "shop"});
    const auto report = fixture.rescue({{"network", network}, {"start", start}, {"decided", decided}});
    CHECK(report.failed.empty());
    CHECK(report.settled == std::vector<std::string>{"network", "start", "decided"});
    REQUIRE(report.lines.size() == 1);
    CHECK(report.lines.front().contains("started service app"));
    CHECK(fixture.engine.status_of("shop-app-1") == "running");
  }
  SECTION("something is") {
    const auto report = fixture.rescue({{"a", {{"kind", "of magic"}}}, {"start", start}, {"decided", decided}});
    CHECK(report.settled.empty());
    CHECK(report.failed.size() == 2);
    CHECK(fixture.engine.status_of("shop-app-1") == "created");
  }
  SECTION("old contents can't be removed, which keeps nobody waiting") {
    const auto report = fixture.rescue({{"a", {{"kind", "place"}}}, {"start", start}, {"decided", decided}});
    CHECK(report.settled == std::vector<std::string>{"start"});
    CHECK(report.failed.size() == 1);
    CHECK(fixture.engine.status_of("shop-app-1") == "running");
  }
  SECTION("it was not decided") {
    const auto report = fixture.rescue({{"start", start}});
    CHECK(report.settled == std::vector<std::string>{"start"});
    CHECK(fixture.engine.status_of("shop-app-1") == "created");
  }
}
