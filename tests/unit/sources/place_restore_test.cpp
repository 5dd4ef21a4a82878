#include "sources/place_restore.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <ranges>

#include "sources/undo_restore.hpp"
#include "stream/memory_stream.hpp"
#include "support/helper_engine.hpp"
#include "support/memory_journal.hpp"
#include "support/quiet_run.hpp"
#include "support/tree.hpp"

namespace davit::sources {
namespace {

namespace fs = std::filesystem;
using helper::Place;

// A volume "shop_data" that holds the file "old", and an archive that holds "new".
struct Fixture {
  test::HelperEngine engine;
  test::QuietRun run;
  test::QuietReporter other_reporter;
  RunContext other{.run_id = "feedfeedfeedfeed", .clock = run.clock, .reporter = other_reporter, .stop = {}};
  helper::Host host{engine, {.image = {}, .self_container = "davit", .attach_only = true, .program = {}}};
  fs::path volume;
  model::Artefact artefact;
  std::string archive;

  Fixture() {
    engine.add_image("busybox");
    engine::ContainerInfo self;
    self.name = "davit";
    engine.add_container(self);
    volume = engine.add_volume("shop_data");
    const test::Tree source;
    test::make_file(source / "new", "new");
    auto session =
        helper::Session::open(host, {Place::Kind::directory, source.path(), false}, helper::Access::read, run.context);
    REQUIRE(session);
    stream::MemorySink sink;
    const auto packed = session->pack({}, sink);
    REQUIRE(packed);
    REQUIRE(session->close());
    archive = sink.take();
    artefact.codec = stream::Codec::zstd;
    artefact.plain = packed->plain;
    artefact.stored = packed->stored;
  }

  static PlaceTarget data() { return {{Place::Kind::volume, "shop_data", false}, {}, false}; }
  Result<> stage(Restoration& restoration, RunContext& context) {
    stream::MemorySource stored(std::as_bytes(std::span(archive)));
    TRY(restoration.stage(artefact, stored, context));
    return {};
  }
};

TEST_CASE("a place that another run is restoring is refused and left alone; what a dead run left is put back") {
  Fixture fixture;
  test::make_file(fixture.volume / "old", "old");
  auto theirs = restore_place(fixture.host, Fixture::data(), fixture.other);
  REQUIRE(theirs);
  REQUIRE(fixture.stage(**theirs, fixture.other));
  REQUIRE((*theirs)->commit(fixture.other));

  if (GENERATE(false, true)) {
    fixture.engine.kill_helper();
    const auto ours = restore_place(fixture.host, Fixture::data(), fixture.run.context);
    if (!ours) FAIL(ours.error().message());
    CHECK(test::read_text(fixture.volume / "old") == "old");
    CHECK_FALSE(fs::exists(fixture.volume / "new"));
    return;
  }

  const auto refused = restore_place(fixture.host, Fixture::data(), fixture.run.context);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::locked);
  CHECK(refused.error().message().contains("is being restored by run feedfeedfeedfeed"));
  CHECK(test::read_text(fixture.volume / "new") == "new");

  REQUIRE((*theirs)->seal(fixture.other));
  REQUIRE((*theirs)->finish(fixture.other));
  CHECK_FALSE(fs::exists(fixture.volume / "old"));
  CHECK(test::read_text(fixture.volume / "new") == "new");
  CHECK(fixture.engine.helper_names().empty());
}

TEST_CASE("what has come since the plan is not replaced unasked") {
  Fixture fixture;
  PlaceTarget target = Fixture::data();
  target.must_be_empty = true;
  SECTION("before the restore begins") {
    test::make_file(fixture.volume / "theirs", "theirs");
    const auto refused = restore_place(fixture.host, target, fixture.run.context);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::exists);
  }
  SECTION("while it is staged") {
    auto restoration = restore_place(fixture.host, target, fixture.run.context);
    REQUIRE(restoration);
    REQUIRE(fixture.stage(**restoration, fixture.run.context));
    test::make_file(fixture.volume / "theirs", "theirs");
    const auto committed = (*restoration)->commit(fixture.run.context);
    REQUIRE_FALSE(committed);
    CHECK(committed.error().code() == Errc::exists);
    REQUIRE((*restoration)->rollback(fixture.run.context));
  }
  CHECK(test::read_text(fixture.volume / "theirs") == "theirs");
  CHECK_FALSE(fs::exists(fixture.volume / "new"));
}

TEST_CASE("what this restore has staged is no data that has come since") {
  Fixture fixture;
  PlaceTarget target = Fixture::data();
  target.must_be_empty = true;
  auto restoration = restore_place(fixture.host, target, fixture.run.context);
  REQUIRE(restoration);
  REQUIRE(fixture.stage(**restoration, fixture.run.context));
  REQUIRE((*restoration)->commit(fixture.run.context));
  REQUIRE((*restoration)->seal(fixture.run.context));
  REQUIRE((*restoration)->finish(fixture.run.context));
  CHECK(fs::exists(fixture.volume / "new"));
}

// As a guard does it: from the last entry to the first; `run` is the guard's.
std::vector<std::string> settle_all(helper::Host& host, const test::MemoryJournal& journal, bool decided,
                                    RunContext& run) {
  std::vector<std::string> lines;
  for (const auto& [key, entry] : journal.entries() | std::views::reverse) {
    INFO(key);
    auto settled = settle_restore(host, entry, decided, run);
    if (!settled) FAIL(settled.error().message());
    std::ranges::move(*settled, std::back_inserter(lines));
  }
  return lines;
}

TEST_CASE("a dead run's restore of a volume is led back or carried on, as was decided, and again without harm") {
  Fixture fixture;
  test::make_file(fixture.volume / "old", "old");
  test::MemoryJournal journal;
  PlaceTarget target = Fixture::data();
  target.journal = &journal;
  const std::string until = GENERATE("begun", "staged", "committed", "held", "held, and its helper lives", "sealed");
  INFO(until);
  auto restoration = restore_place(fixture.host, target, fixture.other);
  REQUIRE(restoration);
  REQUIRE(journal.entries().size() == 1);
  if (until != "begun") REQUIRE(fixture.stage(**restoration, fixture.other));
  if (until != "begun" && until != "staged") REQUIRE((*restoration)->commit(fixture.other));
  const bool held = until.starts_with("held") || until == "sealed";
  if (held) REQUIRE((*restoration)->hold(fixture.other));
  if (until == "sealed") REQUIRE((*restoration)->seal(fixture.other));
  // What a dead davit doesn't end any more is for the guard to end; one that is killed leads nothing back either.
  if (until != "held, and its helper lives") fixture.engine.kill_helper();

  const bool decided = held && GENERATE(false, true);
  if (until == "sealed" && !decided) return;
  for (int again = 0; again < 2; ++again) {
    const auto lines = settle_all(fixture.host, journal, decided, fixture.run.context);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("restore feedfeedfeedfeed: volume shop_data " +
                               std::string(decided ? "is finished" : "has its old contents")));
    CHECK(lines[0].ends_with(" again") == (again == 0 && !decided && until != "begun"));
    CHECK(fs::exists(fixture.volume / "new") == decided);
    CHECK(fs::exists(fixture.volume / "old") == !decided);
    CHECK_FALSE(fs::exists(fixture.volume / ".davit-restore-feedfeedfeedfeed"));
    CHECK(fixture.engine.helper_names().empty());
  }
}

TEST_CASE("a restore that ends, well or not, leaves nothing in the journal") {
  Fixture fixture;
  test::MemoryJournal journal;
  PlaceTarget target = Fixture::data();
  target.journal = &journal;
  const bool well = GENERATE(false, true);
  auto restoration = restore_place(fixture.host, target, fixture.run.context);
  REQUIRE(restoration);
  REQUIRE(fixture.stage(**restoration, fixture.run.context));
  REQUIRE((*restoration)->commit(fixture.run.context));
  REQUIRE((*restoration)->hold(fixture.run.context));
  CHECK(journal.entries().size() == 1);
  if (well) {
    REQUIRE((*restoration)->seal(fixture.run.context));
    REQUIRE((*restoration)->finish(fixture.run.context));
  } else {
    REQUIRE((*restoration)->rollback(fixture.run.context));
  }
  CHECK(fs::exists(fixture.volume / "new") == well);
  CHECK(journal.entries().empty());
}

TEST_CASE("where nothing can be recorded, nothing is done") {
  Fixture fixture;
  test::make_file(fixture.volume / "old", "old");
  test::MemoryJournal journal;
  journal.fail_at(1, true);
  PlaceTarget target = Fixture::data();
  target.journal = &journal;
  CHECK_FALSE(restore_place(fixture.host, target, fixture.run.context));
  const test::Tree around;
  target.place = {Place::Kind::directory, around / "a/b", true};
  CHECK_FALSE(restore_place(fixture.host, target, fixture.run.context));
  CHECK_FALSE(fs::exists(around / "a"));
  CHECK(fixture.engine.helper_names().empty());
}

TEST_CASE("directories and a volume that a dead run has made go again, unless somebody has filled them") {
  Fixture fixture;
  const test::Tree around;
  test::MemoryJournal journal;
  const bool decided = GENERATE(false, true);
  const bool filled = !decided && GENERATE(false, true);
  {
    PlaceTarget target{{Place::Kind::directory, around / "a/b/c", true}, {}, false};
    target.journal = &journal;
    auto directory = restore_place(fixture.host, target, fixture.other);
    REQUIRE(directory);
    model::Item item;
    item.id = {model::ItemKind::volume, "made"};
    item.attributes = {{"driver", "local"}, {"volume", "shop_made"}};
    const auto source = make_volume_source(fixture.host, {});
    const Target volume_target{"shop", "/srv/shop", nullptr, nullptr, false, false, &journal};
    auto volume = source->restore(item, volume_target, fixture.other);
    REQUIRE(volume);
    for (Restoration* each : {directory->get(), volume->get()}) {
      REQUIRE(fixture.stage(*each, fixture.other));
      REQUIRE(each->commit(fixture.other));
      REQUIRE(each->hold(fixture.other));
    }
    CHECK(journal.entries().size() == 3);
    for (Restoration* each : {directory->get(), volume->get()}) each->leave();
  }
  const auto volume = fixture.engine.volume_directory("shop_made");
  REQUIRE(volume);
  CHECK(test::read_text(*volume / "new") == "new");
  if (filled) {
    test::make_file(around / "a/theirs", "theirs");
    // Behind the restore's back, in what was committed: that goes with it. In the volume itself it stays.
    test::make_file(*volume / "theirs", "theirs");
  }
  for (int again = 0; again < 2; ++again) {
    const auto lines = settle_all(fixture.host, journal, decided, fixture.run.context);
    CHECK(fs::exists(around / "a/b/c/new") == decided);
    CHECK(fs::exists(around / "a/b") == decided);
    CHECK(fs::exists(around / "a") == (decided || filled));
    CHECK(fixture.engine.volume_directory("shop_made").has_value() == (decided || filled));
    const std::string made = "restore feedfeedfeedfeed: volume shop_made, which was made for it, ";
    CHECK(std::ranges::contains(lines, made + "was removed") == (!decided && !filled && again == 0));
    CHECK(std::ranges::contains(lines, made + "stays: somebody has put data into it") == filled);
  }
  CHECK(fixture.engine.helper_names().empty());
}

// A backup of shop_data, as the volume source is given it.
model::Item item_of(const Fixture& fixture) {
  model::Item item;
  item.id = {model::ItemKind::volume, "data"};
  item.attributes = {{"driver", "local"}, {"volume", "shop_data"}};
  item.artefacts = {fixture.artefact};
  return item;
}

TEST_CASE("a service that was started while its volume was staged is not robbed of its contents") {
  Fixture fixture;
  test::make_file(fixture.volume / "old", "old");
  const auto source = make_volume_source(fixture.host, {});
  const model::Item item = item_of(fixture);
  const Target target{"shop", "/srv/shop", nullptr, nullptr, true, false};
  auto restoration = source->restore(item, target, fixture.run.context);
  if (!restoration) FAIL(restoration.error().message());
  REQUIRE(fixture.stage(**restoration, fixture.run.context));
  engine::ContainerInfo user;
  user.name = "shop-app-1";
  user.mounts = {{"volume", "shop_data", fixture.volume.string(), "/data", "local", true}};
  fixture.engine.add_container(user);
  const auto committed = (*restoration)->commit(fixture.run.context);
  REQUIRE_FALSE(committed);
  CHECK(committed.error().message().contains("in use by shop-app-1"));
  REQUIRE((*restoration)->rollback(fixture.run.context));
  CHECK(test::read_text(fixture.volume / "old") == "old");
  CHECK_FALSE(fs::exists(fixture.volume / "new"));
}

TEST_CASE("what davit's own container has mounted is in nobody's use, unless something else runs in it") {
  Fixture fixture;
  engine::ContainerInfo own;
  own.name = "davit-of-a-user";
  const auto [raw, uses] =
      GENERATE(std::pair(R"({"Path":"/davit","Args":["--repository","/srv/backups","restore"]})", false),
               std::pair(R"({"Path":"/davit","Args":["entrypoint","--","postgres"]})", true),
               std::pair(R"({"Path":"docker-entrypoint.sh","Args":["postgres"]})", true), std::pair("", true));
  own.raw = raw;
  const engine::ContainerId id = fixture.engine.add_container(own);
  const auto names = [&] {
    std::vector<std::string> found;
    const auto running = running_containers(fixture.engine, fixture.run.context);
    if (!running) FAIL(running.error().message());
    for (const engine::ContainerInfo& container : *running) found.push_back(container.name);
    return found;
  };
  CHECK(std::ranges::contains(names(), own.name));
  fixture.run.context.owner = "container/" + id.value;
  CHECK(std::ranges::contains(names(), own.name) == uses);
}

TEST_CASE("space is checked for a volume that is yet to be made, too") {
  Fixture fixture;
  const auto source = make_volume_source(fixture.host, {});
  model::Item item = item_of(fixture);
  item.attributes["volume"] = "shop_missing";
  const Target target{"shop", "/srv/shop", nullptr, nullptr, false, false};
  const auto fits = source->check_restore(item, target, fixture.run.context);
  if (!fits) FAIL(fits.error().message());
  CHECK(fits->empty());
  item.artefacts[0].plain.bytes = std::uint64_t{1} << 60U;
  const auto conflicts = source->check_restore(item, target, fixture.run.context).value();
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].what.contains("volume shop_missing would have"));
  CHECK_FALSE(conflicts[0].replaceable);
}

TEST_CASE("directories above a target are made, and go again when nothing is restored") {
  Fixture fixture;
  const test::Tree around;
  const fs::path path = around / "a/b/c";
  const PlaceTarget target{{Place::Kind::directory, path, true}, {}, false};
  auto restoration = restore_place(fixture.host, target, fixture.run.context);
  if (!restoration) FAIL(restoration.error().message());
  REQUIRE(fixture.stage(**restoration, fixture.run.context));
  REQUIRE((*restoration)->commit(fixture.run.context));
  const bool stays = GENERATE(false, true);
  if (stays) {
    REQUIRE((*restoration)->seal(fixture.run.context));
    REQUIRE((*restoration)->finish(fixture.run.context));
    CHECK(test::read_text(path / "new") == "new");
  } else {
    REQUIRE((*restoration)->rollback(fixture.run.context));
    CHECK_FALSE(fs::exists(around / "a"));
  }
  CHECK(fixture.engine.helper_names().empty());
  // What is free there is known of what is missing, too.
  CHECK(free_around(fixture.host, around / "none/below", fixture.run.context).value().value_or(0) > 0);
}

}  // namespace
}  // namespace davit::sources
