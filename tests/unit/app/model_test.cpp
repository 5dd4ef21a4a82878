// The promises of docs/architecture.md, held against every fault: whole commands run in a world in memory, and each
// call to the Engine or the repository fails once, or loses its answer, or is the last thing that davit does.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <format>

#include "app/backup.hpp"
#include "app/restore.hpp"
#include "app/verify.hpp"
#include "support/fake_guard.hpp"
#include "support/suffer.hpp"
#include "support/world.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using test::Davit;
using test::Outcome;
using test::suffer_all;
using test::World;

template <bool consistent>
Result<> back_up(World& world, Davit& davit, storage::Storage& storage, test::GuardState& guard) {
  BackupOptions options;
  options.consistent = consistent;
  options.allow_hooks = true;
  options.stack = "shop";
  options.encoding = stream::parse_encoding("none").value();
  options.davit_version = "1";
  options.guard = fake_guards(guard);
  return run_backup(world.engine, storage, davit.sources, options, davit.run).transform([](const auto&) {});
}

Result<> restore(World&, Davit& davit, storage::Storage& storage, test::GuardState& guard) {
  RestoreOptions options;
  options.guard = fake_guards(guard);
  options.stack = "shop";
  options.backup = "latest";
  options.replace = true;
  return run_restore(davit.host, storage, davit.sources, options, davit.run).transform([](const auto&) {});
}

Result<> verify(World&, Davit& davit, storage::Storage& storage, test::GuardState&) {
  TRY_ASSIGN(report, run_verify(storage, davit.sources, {"shop", {}, true}, davit.run));
  for (const VerifiedArtefact& artefact : report.artefacts)
    if (!artefact.problem.empty()) return fail(artefact.code, artefact.path + ": " + artefact.problem);
  return {};
}

std::string problem_of_backups(World& world, std::size_t least, std::size_t most) {
  const auto listed = catalog::list(*world.storage, "shop");
  if (!listed) return listed.error().message();
  if (listed->size() < least || listed->size() > most) return std::format("{} backups are listed", listed->size());
  if (listed->empty()) return {};
  Davit davit(world);
  test::GuardState guard;
  const auto verified = verify(world, davit, *world.storage, guard);
  return verified ? "" : "a listed backup is bad: " + verified.error().message();
}

void suffer_backups(test::Command command) {
  World world;
  world.fill("a");
  suffer_all(
      world, command,
      [&] {
        world.storage = std::make_unique<storage::MemoryStorage>();
        world.frozen = false;
      },
      [&](const Outcome& outcome) -> std::string {
        if (world.mark() != "a") return world.mark();
        if (world.frozen) return "davit.after was not run";
        // The answer to the last step may be lost: then it is there, and nobody knows.
        return problem_of_backups(world, outcome.result ? 1 : 0, 1);
      });
  for (const char* held : {"pause_container shop-app-1", "stop_container shop-worker-1"})
    CHECK(std::ranges::contains(world.engine.log(), held));
}

TEST_CASE("whatever fails in a backup, it is whole or not listed, and nothing is left stopped or behind") {
  suffer_backups(back_up<false>);
}
TEST_CASE("whatever fails in a consistent backup, it is whole or not listed, and nothing is left stopped or behind") {
  suffer_backups(back_up<true>);
}

void suffer_restores(std::uint64_t part, std::uint64_t parts) {
  World world;
  world.fill("a");
  {
    Davit davit(world);
    test::GuardState guard;
    const auto made = back_up<false>(world, davit, *world.storage, guard);
    if (!made) FAIL(made.error().message());
  }
  for (const char* writer : {"shop-app-1", "shop-worker-1"}) world.engine.finish_container({writer}, 0);
  suffer_all(
      world, restore, [&] { world.fill("b"); },
      [&](const Outcome& outcome) -> std::string {
        const std::string mark = world.mark();
        if (mark != "a" && (mark != "b" || outcome.result)) return mark;
        // An error of davit's that lives tells what is left.
        for (const std::string& name : split(world.half_restored_databases(), ' '))
          if (!name.empty() && (outcome.result || !outcome.result.error().message().contains(name)))
            return name + " is left, and nobody says so";
        return {};
      },
      part, parts);
}

TEST_CASE("whatever fails in a restore, everything is old or everything is new, and nothing is left behind (1)") {
  suffer_restores(0, 4);
}
TEST_CASE("whatever fails in a restore, everything is old or everything is new, and nothing is left behind (2)") {
  suffer_restores(1, 4);
}
TEST_CASE("whatever fails in a restore, everything is old or everything is new, and nothing is left behind (3)") {
  suffer_restores(2, 4);
}
TEST_CASE("whatever fails in a restore, everything is old or everything is new, and nothing is left behind (4)") {
  suffer_restores(3, 4);
}

TEST_CASE("whatever fails in verify, nothing changes and nothing is left behind") {
  World world;
  world.fill("a");
  {
    Davit davit(world);
    test::GuardState guard;
    REQUIRE(back_up<false>(world, davit, *world.storage, guard));
  }
  suffer_all(
      world, verify, [] {}, [&](const Outcome&) -> std::string { return world.mark() == "a" ? "" : world.mark(); });
}

const std::map<std::string, std::string> kOldIndices{{"books", "b"}, {"other", "b"}};
const std::map<std::string, std::string> kNewIndices{{"books", "a"}, {"films", "a"}, {"other", "b"}};

Result<> back_up_search(World& world, Davit& davit, storage::Storage& storage, test::GuardState& guard) {
  BackupOptions options;
  options.stack = "shop";
  options.selection.only = {"search:*"};
  options.encoding = stream::parse_encoding("none").value();
  options.davit_version = "1";
  options.guard = fake_guards(guard);
  return run_backup(world.engine, storage, davit.sources, options, davit.run).transform([](const auto&) {});
}

Result<> restore_search(World&, Davit& davit, storage::Storage& storage, test::GuardState& guard) {
  RestoreOptions options;
  options.guard = fake_guards(guard);
  options.stack = "shop";
  options.selection.only = {"search:*"};
  options.backup = "latest";
  options.replace = true;
  return run_restore(davit.host, storage, davit.sources, options, davit.run).transform([](const auto&) {});
}

// What a run may not leave in a search cluster.
std::string problem_of_search(const World& world) {
  for (const std::string& name : world.search.blocked()) return "index " + name + " is blocked";
  for (const std::string& name : world.search.repositories())
    if (name != "davit") return "repository " + name + " is left";
  for (const auto& entry : std::filesystem::directory_iterator(world.search_directory))
    if (entry.path().filename() != "davit") return entry.path().string() + " is left";
  return {};
}

void suffer_search_backups(std::uint64_t part, std::uint64_t parts) {
  World world(World::Search::running);
  for (const auto& [name, text] : kNewIndices) world.search.fill(name, text, 3);
  suffer_all(
      world, back_up_search, [&] { world.storage = std::make_unique<storage::MemoryStorage>(); },
      [&](const Outcome& outcome) -> std::string {
        if (world.search.contents() != kNewIndices) return "its indices have changed";
        if (auto problem = problem_of_search(world); !problem.empty()) return problem;
        return problem_of_backups(world, outcome.result ? 1 : 0, 1);
      },
      part, parts);
  // What the others may have left in the repository goes with a backup that nothing befalls.
  world.storage = std::make_unique<storage::MemoryStorage>();
  Davit davit(world);
  test::GuardState guard;
  REQUIRE(back_up_search(world, davit, *world.storage, guard));
  CHECK(world.search.snapshots().size() == 1);
}

TEST_CASE("whatever fails in a backup of a search cluster, it is whole or not listed, and nothing else changes (1)") {
  suffer_search_backups(0, 2);
}
TEST_CASE("whatever fails in a backup of a search cluster, it is whole or not listed, and nothing else changes (2)") {
  suffer_search_backups(1, 2);
}

void suffer_search_restores(std::uint64_t part, std::uint64_t parts) {
  World world(World::Search::running);
  for (const char* name : {"books", "films"}) world.search.fill(name, "a", 3);
  {
    Davit davit(world);
    test::GuardState guard;
    const auto made = back_up_search(world, davit, *world.storage, guard);
    if (!made) FAIL(made.error().message());
  }
  suffer_all(
      world, restore_search,
      [&] {
        world.search.reset();
        for (const auto& [name, text] : kOldIndices) world.search.fill(name, text, 7);
      },
      [&](const Outcome& outcome) -> std::string {
        const auto found = world.search.contents();
        if (found != kNewIndices && (outcome.result || found != kOldIndices)) {
          std::string text = "a mix:";
          for (const auto& [name, value] : found) text += " " + name + "=" + value;
          return text;
        }
        if (world.search.snapshots().size() != 1) return "what was saved is left";
        return problem_of_search(world);
      },
      part, parts);
}

TEST_CASE("whatever fails in a restore of a search cluster, its indices are the old ones or the new ones (1)") {
  suffer_search_restores(0, 4);
}
TEST_CASE("whatever fails in a restore of a search cluster, its indices are the old ones or the new ones (2)") {
  suffer_search_restores(1, 4);
}
TEST_CASE("whatever fails in a restore of a search cluster, its indices are the old ones or the new ones (3)") {
  suffer_search_restores(2, 4);
}
TEST_CASE("whatever fails in a restore of a search cluster, its indices are the old ones or the new ones (4)") {
  suffer_search_restores(3, 4);
}

}  // namespace
}  // namespace davit::app
