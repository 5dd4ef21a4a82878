#include "sources/rebuild/rebuild.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <nlohmann/json.hpp>
#include <ranges>

#include "engine/decode.hpp"
#include "sources/rebuild/settle_rebuild.hpp"
#include "sources/undo_restore.hpp"
#include "support/fake_engine.hpp"
#include "support/memory_journal.hpp"
#include "support/quiet_run.hpp"
#include "support/skipping_clock.hpp"
#include "support/stack.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Texts = std::vector<std::string>;

engine::ContainerInfo container(const std::string& service, const std::string& depends_on, const json& networks,
                                const std::vector<engine::Mount>& mounts = {}, bool running = true) {
  const auto sketch = test::make_container({.service = service,
                                            .mounts = mounts,
                                            .running = running,
                                            .labels = {{"com.docker.compose.depends_on", depends_on},
                                                       {"com.docker.compose.config-hash", "hash-of-" + service},
                                                       {"com.docker.compose.image", "sha256:" + service}}});
  json raw = json::parse(sketch.raw);
  raw["NetworkSettings"]["Networks"] = networks;
  raw["HostConfig"]["Binds"] = json::array();
  for (const engine::Mount& mount : mounts)
    raw["HostConfig"]["Binds"].push_back(mount.name + ":" + mount.destination + ":rw");
  const auto info = engine::decode_container(raw);
  REQUIRE(info);
  return *info;
}

engine::NetworkInfo network(const std::string& name, const std::string& key) {
  json labels = json::object();
  if (!key.empty()) labels = {{"com.docker.compose.project", "shop"}, {"com.docker.compose.network", key}};
  const auto info =
      engine::decode_network({{"Id", "old-" + name}, {"Name", name}, {"Driver", "bridge"}, {"Labels", labels}});
  REQUIRE(info);
  return *info;
}

engine::ImageInfo image(const std::string& service) {
  const auto info = engine::decode_image(
      {{"Id", "sha256:" + service}, {"RepoTags", {service + ":1"}}, {"RepoDigests", {service + "@sha256:d"}}});
  REQUIRE(info);
  return *info;
}

// db (its volume is restored), cache (with a volume that isn't), migrate that had ended, app behind all three in two
// networks, one of which is somebody else's, and old, which was stopped.
Stack recorded() {
  const json front{{"shop_default", {{"NetworkID", "1"}, {"Aliases", {"x"}}}}};
  const json both{{"shop_default", {{"NetworkID", "1"}}}, {"edge", {{"NetworkID", "2"}, {"Aliases", {"www"}}}}};
  StackParts parts;
  parts.containers = {
      container("app",
                "db:service_healthy:false,cache:service_started:false,migrate:service_completed_successfully:false",
                both),
      container("cache", "", front, {test::volume_mount("shop_cache", "/cache")}),
      container("db", "", front, {test::volume_mount("shop_db", "/data")}),
      container("migrate", "db:service_healthy:false", front, {}, false), container("old", "", front, {}, false)};
  parts.volumes = {test::make_volume_info("shop_db", "db"), test::make_volume_info("shop_cache", "cache")};
  parts.networks = {network("shop_default", "default"), network("edge", "")};
  for (const char* service : {"app", "cache", "db", "migrate", "old"}) parts.images.push_back(image(service));
  return test::make_stack(std::move(parts));
}

struct Fixture {
  test::FakeEngine engine;
  helper::Host host{engine, {.image = {}, .self_container = "davit", .attach_only = true, .program = {}}};
  test::SkippingClock clock;
  test::QuietReporter reporter;
  RunContext run{.run_id = "feed", .clock = clock, .reporter = reporter, .stop = {}};
  test::MemoryJournal journal;
  Stack stack = recorded();
  Stack present;
  Target target{"shop", "/srv/shop", &stack, &present, false, false, &journal};
  RebuildOptions options{.restores_volume = [](const std::string& volume) { return volume == "shop_db"; }};

  Fixture() {
    present.name = "shop";
    engine.add_network("edge");
    for (const char* service : {"app", "cache", "migrate", "old"})
      engine.add_image_as(
          {{"Id", std::string("sha256:") + service}, {"RepoTags", json::array()}, {"RepoDigests", json::array()}},
          std::string(service) + ":1");
    engine.allow_pull("db@sha256:d");
    // A server is healthy at once; migrate ends.
    engine.on_start = [this](const engine::ContainerInfo& info) -> Result<> {
      if (info.name == "shop-db-1") engine.set_health(info.name, "healthy");
      if (info.name == "shop-migrate-1") engine.finish_container(info.id, 0);
      return {};
    };
  }
  RebuildPlan plan() {
    auto plan = plan_rebuild(host, target, options, run);
    if (!plan) FAIL(plan.error().message());
    return *plan;
  }
  Rebuild rebuild() { return {host, target, plan(), options}; }
  // As a restore does it.
  Result<> make(Rebuild& rebuild) {
    TRY(rebuild.bring_images(run));
    TRY(rebuild.make_networks(run));
    TRY(engine.create_volume("shop_db", "local", {}, {}));
    return rebuild.make_containers(run);
  }
  [[nodiscard]] Texts started() const {
    Texts names;
    for (const std::string& line : engine.log())
      if (line.starts_with("start_container ")) names.push_back(line.substr(16));
    return names;
  }
};

Texts keys_of(const test::MemoryJournal& journal) {
  Texts keys;
  for (const auto& [key, entry] : journal.entries()) keys.push_back(key);
  return keys;
}

TEST_CASE("the plan names what is made, in order of the start, and what is missing for it") {
  Fixture fixture;
  const RebuildPlan plan = fixture.plan();
  CHECK(plan.services == Texts{"cache", "db", "migrate", "app", "old"});
  CHECK(plan.containers == Texts{"shop-cache-1", "shop-db-1", "shop-migrate-1", "shop-app-1", "shop-old-1"});
  CHECK(plan.networks == Texts{"shop_default"});
  CHECK(plan.volumes == Texts{"shop_cache"});
  CHECK(plan.images.size() == 5);
  CHECK(plan.conflicts.empty());
  CHECK(plan.notes.empty());
  CHECK(plan.makes("db"));
  CHECK_FALSE(plan.makes("other"));

  // Services that are there, or that nobody asked for, are left as they are.
  fixture.present = fixture.stack;
  CHECK(fixture.plan().empty());
  std::erase_if(fixture.present.services,
                [](const Service& service) { return service.name == "app" || service.name == "old"; });
  fixture.options.takes = [](std::string_view service) { return service == "app" || service == "db"; };
  CHECK(fixture.plan().services == Texts{"app"});
}

TEST_CASE("the plan names everything that stands in the way") {
  Fixture fixture;
  engine::ContainerInfo taken;
  taken.name = "shop-db-1";
  fixture.engine.add_container(taken);
  REQUIRE(fixture.engine.remove_network("edge"));
  REQUIRE(fixture.engine.remove_image("cache:1"));
  fixture.stack.images.find("cache:1")->second.repo_digests.clear();
  Texts whats;
  for (const Conflict& conflict : fixture.plan().conflicts) whats.push_back(conflict.what);
  REQUIRE(whats.size() == 3);
  CHECK(whats[0].starts_with("image cache:1 of cache is not on this host"));
  CHECK(whats[1].starts_with("the name shop-db-1 is that of a container"));
  CHECK(whats[2].starts_with("network edge, which shop-app-1 is connected to"));
}

TEST_CASE("a stack is made and started as Compose would have it") {
  Fixture fixture;
  Rebuild rebuild = fixture.rebuild();
  REQUIRE(fixture.make(rebuild));
  CHECK(fixture.started().empty());
  for (const char* service : {"app", "cache", "db", "migrate", "old"}) {
    const std::string name = "shop-" + std::string(service) + "-1";
    INFO(name);
    CHECK(fixture.engine.status_of(name) == "created");
    const json body = fixture.engine.created_with(name);
    CHECK(body["Labels"]["com.docker.compose.config-hash"] == "hash-of-" + std::string(service));
    CHECK(body["HostConfig"]["NetworkMode"] == "shop_default");
    CHECK(body["NetworkingConfig"]["EndpointsConfig"].contains("shop_default"));
  }
  // The image was pulled, and has another id here.
  const auto pulled = fixture.engine.inspect_image("db:1");
  REQUIRE(pulled);
  CHECK(fixture.engine.created_with("shop-db-1")["Labels"]["com.docker.compose.image"] == pulled->id);
  CHECK(fixture.engine.created_with("shop-app-1")["Labels"]["com.docker.compose.image"] == "sha256:app");
  CHECK(fixture.engine.inspected("shop-app-1")["NetworkSettings"]["Networks"]["edge"]["Aliases"] == json{"www"});
  const auto volume = fixture.engine.inspect_volume("shop_cache");
  REQUIRE(volume);
  CHECK(volume->labels.at("com.docker.compose.volume") == "cache");

  SECTION("what is wanted first is started with what it depends on, and the rest later") {
    REQUIRE(rebuild.start([](std::string_view service) { return service == "migrate"; }, fixture.run));
    CHECK(fixture.started() == Texts{"shop-db-1", "shop-migrate-1"});
    REQUIRE(rebuild.hold(fixture.run));
    REQUIRE(rebuild.start(nullptr, fixture.run));
    CHECK(fixture.started() == Texts{"shop-db-1", "shop-migrate-1", "shop-cache-1", "shop-app-1"});
    CHECK(fixture.engine.status_of("shop-old-1") == "created");
    CHECK(keys_of(fixture.journal) == Texts{"network shop_default", "made shop_cache", "container shop-cache-1",
                                            "container shop-db-1", "container shop-migrate-1", "container shop-app-1",
                                            "container shop-old-1", "start shop"});
    rebuild.finish(fixture.run);
    CHECK(fixture.journal.entries().empty());
    REQUIRE(rebuild.rollback(fixture.run));  // nothing is left to it
    CHECK(fixture.engine.container_names().size() == 5);
  }
  SECTION("what was started only for the restore is stopped again, also by whoever reads the journal") {
    REQUIRE(rebuild.hold_stopped(fixture.run));
    CHECK_FALSE(std::ranges::contains(keys_of(fixture.journal), "stop shop"));  // nothing runs yet
    REQUIRE(rebuild.start([](std::string_view service) { return service == "migrate"; }, fixture.run));
    REQUIRE(rebuild.hold_stopped(fixture.run));
    REQUIRE(fixture.journal.entries().back().first == "stop shop");
    const auto entry = stop_entry_from(fixture.journal.entries().back().second);
    REQUIRE(entry);
    REQUIRE(entry->members.size() == 2);
    CHECK(entry->members[0].service == "db");
    CHECK(entry->members[1].service == "migrate");
    CHECK(stop_entry_from({{"kind", "stop"}}).error().code() == Errc::corrupt);
    REQUIRE(rebuild.stop(fixture.run));
    CHECK(fixture.engine.status_of("shop-db-1") == "exited");
    rebuild.finish(fixture.run);
    CHECK(fixture.journal.entries().empty());
  }
  SECTION("a server that doesn't become healthy keeps those behind it from starting, and is told with its log") {
    fixture.engine.on_start = [&](const engine::ContainerInfo& info) -> Result<> {
      if (info.name == "shop-db-1") fixture.engine.set_health(info.name, "starting");
      return {};
    };
    const auto late = rebuild.start(nullptr, fixture.run);
    REQUIRE_FALSE(late);
    CHECK(late.error().code() == Errc::unavailable);
    CHECK(
        late.error().message() ==
        "3 services:\n  - wait for service db: container shop-db-1 is not ready after 300 s: its health check says "
        "\"starting\": its last lines:\n  log of shop-db-1\n  - service migrate was not started: it depends on db\n  - "
        "service app was not started: it depends on db");
    CHECK(fixture.started() == Texts{"shop-cache-1", "shop-db-1"});
    CHECK(fixture.clock.at.time_since_epoch() < 310s);  // nobody waits for it twice
  }
  SECTION("one that ends is told at once") {
    fixture.engine.on_start = [&](const engine::ContainerInfo& info) -> Result<> {
      fixture.engine.finish_container(info.id, 3);
      return {};
    };
    const auto ended = rebuild.start([](std::string_view service) { return service == "cache"; }, fixture.run);
    REQUIRE_FALSE(ended);
    CHECK(ended.error().code() == Errc::failed);
    CHECK(ended.error().message().contains("it has ended with exit code 3"));
  }
  SECTION("it goes again, containers that run included") {
    REQUIRE(rebuild.start(nullptr, fixture.run));
    REQUIRE(rebuild.hold(fixture.run));
    REQUIRE(rebuild.rollback(fixture.run));
    CHECK(fixture.engine.container_names().empty());
    CHECK(fixture.engine.network_names() == Texts{"edge"});
    CHECK(fixture.engine.volume_names() == Texts{"shop_db"});
    CHECK(fixture.journal.entries().empty());
    REQUIRE(rebuild.rollback(fixture.run));
  }
}

TEST_CASE("a tag that was taken from another image is given back") {
  Fixture fixture;
  fixture.engine.add_image_as({{"Id", "sha256:newer"}, {"RepoTags", json::array()}, {"RepoDigests", json::array()}},
                              "db:1");
  fixture.engine.add_image_as({{"Id", "sha256:newer"}, {"RepoTags", json::array()}, {"RepoDigests", json::array()}},
                              "kept:1");
  Rebuild rebuild = fixture.rebuild();
  REQUIRE(rebuild.bring_images(fixture.run));
  CHECK(fixture.engine.inspect_image("db:1")->id != "sha256:newer");
  CHECK(keys_of(fixture.journal) == Texts{"tag db%3A1"});
  REQUIRE(rebuild.rollback(fixture.run));
  CHECK(fixture.engine.inspect_image("db:1")->id == "sha256:newer");
  CHECK(fixture.journal.entries().empty());
}

TEST_CASE("a name that was taken since the plan fails the restore, and its owner keeps it") {
  Fixture fixture;
  Rebuild rebuild = fixture.rebuild();
  engine::ContainerInfo other;
  other.name = "shop-migrate-1";
  fixture.engine.add_container(other);
  const auto made = fixture.make(rebuild);
  REQUIRE_FALSE(made);
  CHECK(made.error().code() == Errc::exists);
  CHECK(made.error().message().starts_with("make container shop-migrate-1: create container shop-migrate-1"));
  REQUIRE(rebuild.rollback(fixture.run));
  CHECK(fixture.engine.container_names() == Texts{"shop-migrate-1"});
  CHECK(fixture.engine.network_names() == Texts{"edge"});
  CHECK(fixture.journal.entries().empty());

  Fixture also;
  Rebuild second = also.rebuild();
  also.engine.add_network("shop_default", {{"com.docker.compose.project", "shop"}});
  CHECK(second.make_networks(also.run).error().code() == Errc::exists);
  REQUIRE(second.rollback(also.run));
  CHECK(also.engine.network_names() == Texts{"edge", "shop_default"});
  CHECK(also.journal.entries().empty());
}

// Every operation of making a stack fails once, before or behind its effect: it is led back, and nothing is left.
TEST_CASE("whatever fails, nothing that was made is left") {
  const bool after_effect = GENERATE(false, true);
  for (std::uint64_t operation = 1;; ++operation) {
    Fixture fixture;
    Rebuild rebuild = fixture.rebuild();
    fixture.engine.set_faults({.fail_at = operation, .after_effect = after_effect});
    auto done = fixture.make(rebuild);
    if (done) done = rebuild.start(nullptr, fixture.run);
    if (!fixture.engine.failed()) {
      CHECK(operation > 20);
      break;
    }
    INFO("operation " << operation << ": " << fixture.engine.log().back());
    fixture.engine.set_faults({});
    REQUIRE(rebuild.rollback(fixture.run));
    CHECK(fixture.engine.container_names().empty());
    CHECK(fixture.engine.network_names() == Texts{"edge"});
    // Whether a volume came into being whose making failed, its guard sees to, which can look whether it is empty.
    for (const auto& [key, entry] : fixture.journal.entries()) {
      CHECK(key == "made shop_cache");
      CHECK(entry["filled"] == false);
    }
    if (fixture.journal.entries().empty())
      CHECK_FALSE(std::ranges::contains(fixture.engine.volume_names(), "shop_cache"));
  }
}

// The run dies at every operation: what its journal says is put right by another.
TEST_CASE("wherever a run dies, its journal leads back, and once it was decided, on") {
  const bool after_effect = GENERATE(false, true);
  const bool decided = GENERATE(false, true);
  for (std::uint64_t operation = 1;; ++operation) {
    Fixture fixture;
    Rebuild rebuild = fixture.rebuild();
    if (decided) {
      REQUIRE(fixture.make(rebuild));
      REQUIRE(rebuild.hold(fixture.run));
    }
    fixture.engine.set_faults({.fail_at = operation, .after_effect = after_effect, .dead_after = true});
    if (decided)
      static_cast<void>(rebuild.start(nullptr, fixture.run));
    else
      static_cast<void>(fixture.make(rebuild));
    const bool died = fixture.engine.failed();
    INFO("operation " << operation << ": " << fixture.engine.log().back());
    fixture.engine.set_faults({});
    rebuild.leave();
    // Its start may have been under way: it ends meanwhile.
    if (fixture.engine.status_of("shop-migrate-1") == "running")
      fixture.engine.finish_container(fixture.engine.id_of("shop-migrate-1"), 0);
    for (const auto& [key, entry] : fixture.journal.entries() | std::views::reverse) {
      const std::string kind = entry["kind"];
      INFO(key);
      if (kind == "start")
        REQUIRE(settle_start(fixture.engine, entry, decided, 0s, fixture.run));
      else if (kind == "volume" &&
               !decided)  // what settle_restore() does for one that only a server of ours has filled
        static_cast<void>(fixture.engine.remove_volume("shop_cache"));
      else
        REQUIRE(settle_made(fixture.engine, entry, decided, fixture.run));
    }
    if (decided) {
      for (const char* name : {"shop-db-1", "shop-cache-1", "shop-app-1"})
        CHECK(fixture.engine.status_of(name) == "running");
      CHECK(fixture.engine.status_of("shop-migrate-1") == "exited");
      CHECK(fixture.engine.status_of("shop-old-1") == "created");
    } else {
      CHECK(fixture.engine.container_names().empty());
      CHECK(fixture.engine.network_names() == Texts{"edge"});
      CHECK_FALSE(std::ranges::contains(fixture.engine.volume_names(), "shop_cache"));
    }
    if (!died) {
      CHECK(operation > 5);
      break;
    }
  }
}

}  // namespace
}  // namespace davit::sources
