// A stack that is restored where nothing of it is: whatever fails, all of it is there and runs, or nothing is.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <format>
#include <map>
#include <set>

#include "app/backup.hpp"
#include "app/restore.hpp"
#include "support/fake_guard.hpp"
#include "support/suffer.hpp"
#include "support/world.hpp"

namespace davit::app {
namespace {

using test::Davit;
using test::Outcome;
using test::World;

Result<> back_up(World& world) {
  Davit davit(world);
  test::GuardState guard;
  BackupOptions options;
  options.stack = "shop";
  options.encoding = stream::parse_encoding("none").value();
  options.davit_version = "1";
  options.guard = fake_guards(guard);
  return run_backup(world.engine, *world.storage, davit.sources, options, davit.run).transform([](const auto&) {});
}

RestoreOptions options_for(test::GuardState& guard) {
  RestoreOptions options;
  options.guard = fake_guards(guard);
  options.stack = "shop";
  options.backup = "latest";
  return options;
}

Result<RestoreReport> restore_with(World& world, const std::function<void(RestoreOptions&)>& change = {}) {
  Davit davit(world);
  test::GuardState guard;
  RestoreOptions options = options_for(guard);
  if (change) change(options);
  return run_restore(davit.host, *world.storage, davit.sources, options, davit.run);
}

Result<> restore(World&, Davit& davit, storage::Storage& storage, test::GuardState& guard) {
  return run_restore(davit.host, storage, davit.sources, options_for(guard), davit.run).transform([](const auto&) {});
}

// A world whose stack holds "a", was backed up, and is gone.
void prepare(World& world) {
  world.fill("a");
  if (const auto made = back_up(world); !made) FAIL(made.error().message());
  world.destroy();
}

std::map<std::string, std::string> statuses(const World& world) {
  std::map<std::string, std::string> all;
  for (const char* service : {"app", "db", "idle", "worker"})
    all[service] = world.engine.status_of(std::format("shop-{}-1", service));
  return all;
}
const std::map<std::string, std::string> kAsItRan{
    {"app", "running"}, {"db", "running"}, {"idle", "created"}, {"worker", "running"}};

bool comes_before(const std::vector<std::string>& log, std::string_view first, std::string_view second) {
  return std::ranges::find(log, first) < std::ranges::find(log, second);
}

TEST_CASE("a restore makes what the Engine lacks of a stack, and starts what ran") {
  World world;
  prepare(world);
  const auto restored = restore_with(world);
  if (!restored) FAIL(restored.error().message());
  CHECK(world.mark() == "a");
  CHECK(statuses(world) == kAsItRan);
  CHECK(std::ranges::contains(world.engine.network_names(), "shop_default"));
  for (const ServiceState& service : restored->services) {
    INFO(service.name);
    CHECK(service.made);
    CHECK(service.containers == 1);
    CHECK(service.running == (service.name == "idle" ? 0U : 1U));
    CHECK(service.ran == (service.name != "idle"));
  }
  // Behind everything that it holds.
  const auto log = world.engine.log();
  CHECK(comes_before(log, "create_network shop_default", "create_volume shop_data"));
  CHECK(comes_before(log, "create_volume shop_uploads", "create_container shop-app-1"));
  CHECK(comes_before(log, "create_container shop-worker-1", "start_container shop-app-1"));
}

TEST_CASE("containers keep the labels and mounts that Compose knows them by") {
  World world;
  world.fill("a");
  REQUIRE(back_up(world));
  const auto labels = world.engine.inspected("shop-app-1")["Config"]["Labels"];
  const auto uploads = world.engine.inspected("shop-worker-1")["Mounts"];
  world.destroy();
  REQUIRE(restore_with(world));
  CHECK(world.engine.inspected("shop-app-1")["Config"]["Labels"] == labels);
  std::set<std::pair<std::string, std::string>> was;
  std::set<std::pair<std::string, std::string>> is;
  for (const auto& mount : uploads) was.emplace(mount["Name"], mount["Destination"]);
  const auto made = world.engine.inspected("shop-worker-1");
  for (const auto& mount : made["Mounts"]) is.emplace(mount["Name"], mount["Destination"]);
  CHECK(is == was);
}

TEST_CASE("services are made and left stopped, or not made, where that is asked for") {
  World world;
  prepare(world);
  SECTION("made") {
    const auto restored = restore_with(world, [](RestoreOptions& options) { options.containers = Containers::make; });
    if (!restored) FAIL(restored.error().message());
    for (const auto& [service, status] : statuses(world)) CHECK(status == "created");
  }
  SECTION("only data") {
    REQUIRE(restore_with(world, [](RestoreOptions& options) { options.containers = Containers::leave; }));
    for (const auto& [service, status] : statuses(world)) CHECK(status.empty());
    CHECK(world.engine.network_names().empty());
  }
  SECTION("chosen items") {
    REQUIRE(restore_with(world, [](RestoreOptions& options) { options.selection.only = {"volume:*", "bind:*"}; }));
    for (const auto& [service, status] : statuses(world)) CHECK(status.empty());
    return;
  }
  CHECK(world.mark() == "a");
}

TEST_CASE("a directory that Docker can't mount is refused before anything is touched") {
  World world;
  prepare(world);
  const auto refused = restore_with(world, [](RestoreOptions& options) { options.root = "/srv/a:b"; });
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::usage);
  CHECK(refused.error().message() == "--root /srv/a:b has a colon, which Docker can't mount");
  CHECK(world.destroyed());
}

TEST_CASE("a service that can't be started is an error, and the restore stands") {
  World world;
  prepare(world);
  const auto start = world.engine.on_start;
  world.engine.on_start = [&start](const engine::ContainerInfo& info) -> Result<> {
    if (info.name == "shop-worker-1") return fail(Errc::failed, "port is already allocated");
    return start(info);
  };
  const auto restored = restore_with(world);
  REQUIRE_FALSE(restored);
  CHECK(restored.error().message().contains("the backup is restored"));
  CHECK(restored.error().message().contains("port is already allocated"));
  CHECK(world.mark() == "a");
  CHECK(statuses(world)["app"] == "running");
  CHECK(statuses(world)["db"] == "running");
  CHECK(statuses(world)["worker"] != "running");
}

TEST_CASE("what is in the way of containers keeps a restore from beginning") {
  World world;
  prepare(world);
  engine::ContainerInfo theirs;
  theirs.name = "shop-app-1";
  world.engine.add_container(theirs);
  const std::string before = world.state();
  for (const bool replace : {false, true}) {
    const auto refused = restore_with(world, [&](RestoreOptions& options) { options.replace = replace; });
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::exists);
    CHECK(refused.error().message().contains("shop-app-1"));
    CHECK_FALSE(refused.error().hint().empty());
    CHECK(world.state() == before);
  }
}

void suffer_bare_host(std::uint64_t part, std::uint64_t parts) {
  World world;
  prepare(world);
  int whole = 0;
  int nothing = 0;
  suffer_all(
      world, restore, [&] { world.destroy(); },
      [&](const Outcome& outcome) -> std::string {
        if (world.destroyed()) {
          ++nothing;
          return outcome.result ? "it succeeded, and nothing is there" : "";
        }
        ++whole;
        if (world.mark() != "a") return world.mark();
        if (statuses(world) != kAsItRan &&
            (outcome.result || !outcome.result.error().message().contains("not every service runs")))
          return "not everything runs:" + world.state();
        return world.half_restored_databases();
      },
      part, parts, false);
  CHECK(whole > 0);
  CHECK(nothing > 0);
}

TEST_CASE("whatever fails in a restore onto a bare host, the stack is there and runs, or nothing is left of it (1)") {
  suffer_bare_host(0, 4);
}
TEST_CASE("whatever fails in a restore onto a bare host, the stack is there and runs, or nothing is left of it (2)") {
  suffer_bare_host(1, 4);
}
TEST_CASE("whatever fails in a restore onto a bare host, the stack is there and runs, or nothing is left of it (3)") {
  suffer_bare_host(2, 4);
}
TEST_CASE("whatever fails in a restore onto a bare host, the stack is there and runs, or nothing is left of it (4)") {
  suffer_bare_host(3, 4);
}

}  // namespace
}  // namespace davit::app
