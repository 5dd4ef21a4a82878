#include "sources/place_restore.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>

#include "stream/memory_stream.hpp"
#include "support/helper_engine.hpp"
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
