#include "sources/rebuild/settle_rebuild.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/skipping_clock.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Condition = Dependency::Condition;
using Lines = std::vector<std::string>;

struct Fixture {
  test::FakeEngine engine;
  test::SkippingClock clock;
  test::QuietReporter reporter;
  RunContext run{.run_id = "feed", .clock = clock, .reporter = reporter, .stop = {}};

  std::string add(const std::string& service, const std::string& status, const std::string& project = "shop") {
    engine::ContainerInfo info;
    info.name = "shop-" + service + "-1";
    info.labels = {{"com.docker.compose.project", project}, {"com.docker.compose.service", service}};
    info.state.status = status;
    return engine.add_container(info).value;
  }
  Lines settle(const json& entry, bool decided = false) {
    auto lines = settle_made(engine, entry, decided, run);
    if (!lines) FAIL(lines.error().message());
    return *lines;
  }
};

TEST_CASE("entries come back from the journal as they were written, and nothing else does") {
  const StartEntry start{
      "r", "shop", {{"1", "db", {}}, {"2", "app", {{"db", Condition::healthy}, {"job", Condition::completed}}}}};
  const auto read = start_entry_from(to_json(start));
  REQUIRE(read);
  CHECK(to_json(*read) == to_json(start));
  CHECK(read->members[1].after == start.members[1].after);
  const auto container = container_entry_from(to_json(ContainerEntry{"r", "shop-db-1", "shop", "db", "1"}));
  REQUIRE(container);
  CHECK(container->service == "db");
  CHECK(container->id == "1");
  const auto network = network_entry_from(to_json(NetworkEntry{"r", "shop_default", "shop", {}}));
  REQUIRE(network);
  CHECK(network->name == "shop_default");
  CHECK(network->id.empty());
  const auto tag = tag_entry_from(to_json(TagEntry{"r", "postgres:17", "sha256:1"}));
  REQUIRE(tag);
  CHECK(tag->old_id == "sha256:1");

  json broken = to_json(start);
  broken["members"][1]["after"][0]["condition"] = "perhaps";
  CHECK(start_entry_from(broken).error().code() == Errc::corrupt);
  CHECK(container_entry_from({{"kind", "container"}}).error().code() == Errc::corrupt);
  CHECK(network_entry_from({{"name", 1}}).error().code() == Errc::corrupt);
  CHECK(tag_entry_from(json::object()).error().code() == Errc::corrupt);
  Fixture fixture;
  CHECK(settle_made(fixture.engine, {{"kind", "place"}}, false, fixture.run).error().code() == Errc::corrupt);
}

TEST_CASE("a container that was made goes with the restore, also if it runs, and stays once that was decided") {
  Fixture fixture;
  const std::string id = fixture.add("db", "running");
  const json entry = to_json(ContainerEntry{"feed", "shop-db-1", "shop", "db", id});
  CHECK(fixture.settle(entry, true).empty());
  CHECK(fixture.engine.status_of("shop-db-1") == "running");
  CHECK(fixture.settle(entry) == Lines{"restore feed: container shop-db-1, which was made for it, was removed"});
  CHECK(fixture.engine.container_names().empty());
  CHECK(fixture.settle(entry).empty());
  // Somebody has made it anew by now.
  fixture.add("db", "running");
  CHECK(fixture.settle(entry).empty());
  CHECK(fixture.engine.status_of("shop-db-1") == "running");
}

TEST_CASE("a container whose making got no answer goes if it is that one") {
  Fixture fixture;
  const json entry = to_json(ContainerEntry{"feed", "shop-db-1", "shop", "db", {}});
  CHECK(fixture.settle(entry).empty());
  CHECK(fixture.clock.at.time_since_epoch() >= 1s);  // the Engine may have been at it
  fixture.add("db", "created");
  CHECK(fixture.settle(entry).size() == 1);
  CHECK(fixture.engine.container_names().empty());
  fixture.add("db", "running");  // davit never started one of which it knew the name alone
  CHECK(fixture.settle(entry) ==
        Lines{"restore feed: container shop-db-1 stays: it isn't the one that was made for it"});
  Fixture another;
  another.add("db", "created", "other");
  CHECK(another.settle(entry).front().contains("stays"));
  CHECK(another.engine.status_of("shop-db-1") == "created");
}

TEST_CASE("a network that was made goes with the restore, unless somebody uses it") {
  Fixture fixture;
  const auto make = [&] {
    return *fixture.engine.create_network(
        {{"Name", "shop_default"}, {"Driver", "bridge"}, {"Labels", {{"com.docker.compose.project", "shop"}}}});
  };
  const std::string id = make();
  CHECK(fixture.settle(to_json(NetworkEntry{"feed", "shop_default", "shop", id}), true).empty());
  CHECK(fixture.settle(to_json(NetworkEntry{"feed", "shop_default", "shop", id})) ==
        Lines{"restore feed: network shop_default, which was made for it, was removed"});
  CHECK(fixture.engine.network_names().empty());
  CHECK(fixture.settle(to_json(NetworkEntry{"feed", "shop_default", "shop", id})).empty());
  const std::string again = make();
  CHECK(fixture.settle(to_json(NetworkEntry{"feed", "shop_default", "shop", id})).empty());  // another one
  CHECK(fixture.engine.network_names().size() == 1);
  const std::string user = fixture.add("web", "running");
  REQUIRE(fixture.engine.connect_network(again, {user}, json::object()));
  CHECK(fixture.settle(to_json(NetworkEntry{"feed", "shop_default", "shop", {}}))
            .front()
            .contains("stays: remove network"));
  fixture.engine.forget_container({user});
  CHECK(fixture.settle(to_json(NetworkEntry{"feed", "shop_default", "other", {}})).front().contains("isn't the one"));
  CHECK(fixture.settle(to_json(NetworkEntry{"feed", "shop_default", "shop", {}})).size() == 1);
  CHECK(fixture.engine.network_names().empty());
}

TEST_CASE("a tag goes back to the image that had it") {
  Fixture fixture;
  const auto image = [](const char* id) {
    return json{{"Id", id}, {"RepoTags", json::array()}, {"RepoDigests", json::array()}};
  };
  fixture.engine.add_image_as(image("sha256:old"), "kept");
  fixture.engine.add_image_as(image("sha256:new"), "postgres:17");
  const json entry = to_json(TagEntry{"feed", "postgres:17", "sha256:old"});
  CHECK(fixture.settle(entry, true).empty());
  CHECK(fixture.settle(entry) == Lines{"restore feed: the tag postgres:17 names the image again that had it"});
  CHECK(fixture.engine.inspect_image("postgres:17")->id == "sha256:old");
  CHECK(fixture.settle(entry).empty());
  CHECK(fixture.settle(to_json(TagEntry{"feed", "postgres:17", "sha256:gone"})).front().contains("stays"));
}

// db, app behind a healthy db, and web behind app.
struct StartFixture : Fixture {
  std::string db = add("db", "created");
  std::string app = add("app", "created");
  std::string web = add("web", "created");
  json entry = to_json(StartEntry{
      "feed",
      "shop",
      {{db, "db", {}}, {app, "app", {{"db", Condition::healthy}}}, {web, "web", {{"app", Condition::started}}}}});
  Result<Lines> start(bool decided = true, std::chrono::milliseconds waited = 0ms) {
    return settle_start(engine, entry, decided, waited, run);
  }
};

TEST_CASE("what a decided restore has made is started, each when what it depends on is ready") {
  StartFixture fixture;
  fixture.engine.on_start = [&](const engine::ContainerInfo& info) -> Result<> {
    if (info.name == "shop-db-1") fixture.engine.set_health(info.name, "starting");
    return {};
  };
  CHECK(fixture.start(false)->empty());
  CHECK(fixture.engine.status_of("shop-db-1") == "created");
  const auto early = fixture.start();
  REQUIRE_FALSE(early);
  CHECK(early.error().code() == Errc::unavailable);
  CHECK(early.error().message() ==
        "service app waits for db: its health check says \"starting\"; service web waits for app: it does not run");
  CHECK(fixture.engine.status_of("shop-db-1") == "running");
  CHECK(fixture.engine.status_of("shop-app-1") == "created");
  fixture.engine.set_health("shop-db-1", "healthy");
  const auto done = fixture.start();
  REQUIRE(done);
  CHECK(*done == Lines{"restore feed: started service app", "restore feed: started service web"});
  CHECK(fixture.start()->empty());
}

TEST_CASE("what doesn't become ready keeps the rest waiting for five minutes only") {
  StartFixture fixture;
  fixture.engine.finish_container({fixture.db}, 1);  // it was started, and has ended
  CHECK_FALSE(fixture.start(true, 299s));
  const auto done = fixture.start(true, 300s);
  REQUIRE(done);
  CHECK(*done ==
        Lines{"restore feed: started service app, though service app waits for db: it has ended with exit code 1",
              "restore feed: started service web"});
  CHECK(fixture.engine.status_of("shop-db-1") == "exited");
}

TEST_CASE("a service that can't be started is tried again, and told in the end; one that is gone counts for nothing") {
  StartFixture fixture;
  fixture.engine.set_health("shop-db-1", "healthy");
  fixture.engine.forget_container({fixture.app});
  fixture.engine.on_start = [](const engine::ContainerInfo& info) -> Result<> {
    return info.name == "shop-web-1" ? Result<>(fail(Errc::failed, "port is already allocated")) : Result<>();
  };
  const auto failed = fixture.start();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message() == "service web can't be started: port is already allocated");
}

}  // namespace
}  // namespace davit::sources
