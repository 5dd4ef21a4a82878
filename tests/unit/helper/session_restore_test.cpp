// A restore through a helper, and who leads it back or on when davit or the helper dies.

#include "helper/session.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "stream/memory_stream.hpp"
#include "support/helper_engine.hpp"
#include "support/session_fixture.hpp"
#include "support/streams.hpp"
#include "support/tree.hpp"

using namespace davit;
using namespace davit::helper;
using davit::test::Archive;
using davit::test::archive_of;
using davit::test::difference;
using davit::test::directory;
using davit::test::HookSink;
using davit::test::HookSource;
using davit::test::snapshot;
using davit::test::stage_options;
using davit::test::Tree;
using Fixture = davit::test::SessionFixture;
namespace fs = std::filesystem;

TEST_CASE("a session that is dropped in the middle of a restore brings the old contents back") {
  Fixture fixture;
  const Tree source;
  test::make_file(source / "new", test::noise(1 << 20));
  const Tree target;
  test::make_file(target / "old", "old");
  const auto before = snapshot(target.path());
  Host host(fixture.engine, Fixture::options(GENERATE(false, true)));
  const Archive archive = archive_of(fixture, host, source.path());
  const bool committed = GENERATE(false, true);
  {
    auto session = fixture.open(host, directory(target.path()), Access::write);
    stream::MemorySource stored(std::as_bytes(std::span(archive.bytes)));
    REQUIRE(session.stage(stage_options(archive.result), stored));
    if (committed) REQUIRE(session.commit());
    CHECK(difference(before, snapshot(target.path())) != "");
  }
  CHECK(difference(before, snapshot(target.path())) == "");
  CHECK(fixture.engine.helper_names().empty());
}

TEST_CASE("a helper that is killed is noticed, and another one brings the old contents back") {
  Fixture fixture;
  const Tree source;
  test::make_file(source / "new", test::noise(4 << 20));
  const Tree target;
  test::make_file(target / "old", "old");
  const auto before = snapshot(target.path());
  Host host(fixture.engine, Fixture::options(GENERATE(false, true)));
  const Archive archive = archive_of(fixture, host, source.path());
  const auto kill = [&]() -> Result<> {
    fixture.engine.kill_helper();
    return {};
  };
  {
    auto session = fixture.open(host, directory(source.path()), Access::read);
    HookSink sink(1 << 20, kill);
    const auto packed = session.pack({}, sink);
    REQUIRE_FALSE(packed);
    CHECK(packed.error().code() == Errc::unavailable);
    CHECK(packed.error().message().contains("ended with code 137"));
    CHECK_FALSE(sink.sink.finished());
    CHECK(session.probe().error().code() == Errc::unavailable);
  }
  for (const bool committed : {false, true}) {
    auto session = fixture.open(host, directory(target.path()), Access::write);
    HookSource stored(archive.bytes, committed ? ~std::uint64_t{0} : 2 << 20, kill);
    const auto staged = session.stage(stage_options(archive.result), stored);
    CHECK(staged.has_value() == committed);
    if (committed) {
      REQUIRE(session.commit());
      CHECK_FALSE(fs::exists(target / "old"));
      fixture.engine.kill_helper();
    }
    // Also when the user has asked to stop.
    fixture.run.stop.request_stop();
    const auto back = session.rollback();
    if (!back) FAIL(back.error().message());
    CHECK(difference(before, snapshot(target.path())) == "");
    fixture.run.stop = {};
    fixture.run.context.stop = fixture.run.stop.get_token();
  }
  CHECK(fixture.engine.helper_names().empty());
}

TEST_CASE("a helper that is killed behind the commit does not take the new contents along: another one finishes") {
  Fixture fixture;
  const Tree source;
  test::make_file(source / "new", "new");
  Host host(fixture.engine, Fixture::options(GENERATE(false, true)));
  const Archive archive = archive_of(fixture, host, source.path());
  const std::string killed = GENERATE("before the seal", "behind the seal", "told to end before the seal");
  INFO(killed);
  const Tree target;
  test::make_file(target / "old", "old");
  const auto before = snapshot(target.path());
  auto session = fixture.open(host, directory(target.path()), Access::write);
  stream::MemorySource stored(std::as_bytes(std::span(archive.bytes)));
  REQUIRE(session.stage(stage_options(archive.result), stored));
  REQUIRE(session.commit());
  if (killed == "told to end before the seal") {
    // It brings the old contents back: then there is nothing to finish, and that must be known.
    REQUIRE(fixture.engine.stop_container({fixture.engine.helper_names().at(0)}, {}));
    const auto sealed = session.seal();
    REQUIRE_FALSE(sealed);
    CHECK(sealed.error().message().contains("the old contents were put back"));
    CHECK(session.rollback());
    CHECK(difference(before, snapshot(target.path())) == "");
  } else {
    if (killed == "behind the seal") REQUIRE(session.seal());
    fixture.engine.kill_helper();
    const auto cleaned = session.cleanup();
    if (!cleaned) FAIL(cleaned.error().message());
    CHECK(difference(snapshot(source.path()), snapshot(target.path())) == "");
  }
  REQUIRE(session.close());
  CHECK(fixture.engine.helper_names().empty());
}

TEST_CASE("a session that is dropped behind the seal keeps the new contents, and removes the old ones") {
  Fixture fixture;
  const Tree source;
  test::make_file(source / "new", "new");
  const Tree around;
  Host host(fixture.engine, Fixture::options());
  const Archive archive = archive_of(fixture, host, source.path());
  {
    auto session = fixture.open(host, directory(around / "made", true), Access::write);
    stream::MemorySource stored(std::as_bytes(std::span(archive.bytes)));
    REQUIRE(session.stage(stage_options(archive.result), stored));
    REQUIRE(session.commit());
    REQUIRE(session.seal());
  }
  CHECK(difference(snapshot(source.path()), snapshot(around / "made")) == "");
}

TEST_CASE("a restore that is held waits for its journal: neither the end of davit nor of the helper leads anywhere") {
  Fixture fixture;
  const Tree source;
  test::make_file(source / "new", "new");
  Host host(fixture.engine, Fixture::options(GENERATE(false, true)));
  const Archive archive = archive_of(fixture, host, source.path());
  const Tree around;
  fs::create_directory(around / "place");
  test::make_file(around / "place/old", "old");
  const Tree fresh;
  const bool made = GENERATE(false, true);
  const fs::path target = made ? fresh / "made" : around / "place";
  const auto before = made ? test::Snapshot() : snapshot(target);
  const std::string end = GENERATE("dropped", "killed", "told to end", "killed before");
  INFO(end << (made ? " in a directory that was made" : ""));
  {
    auto session = fixture.open(host, directory(target, made), Access::write);
    CHECK(session.hold().error().code() == Errc::bug);
    stream::MemorySource stored(std::as_bytes(std::span(archive.bytes)));
    REQUIRE(session.stage(stage_options(archive.result), stored));
    CHECK_FALSE(session.hold());
    REQUIRE(session.commit());
    if (end == "killed before") fixture.engine.kill_helper();
    const auto held = session.hold();
    if (!held) FAIL(held.error().message());
    if (end == "killed") fixture.engine.kill_helper();
    if (end == "told to end") REQUIRE(fixture.engine.stop_container({fixture.engine.helper_names().at(0)}, {}));
  }
  CHECK(fixture.engine.helper_names().empty());
  CHECK(test::read_text(target / "new") == "new");
  auto next = fixture.open(host, directory(target), Access::write);
  CHECK(next.probe().value().leftovers == std::vector<std::string>{fixture.run.context.run_id});
  if (GENERATE(false, true)) {
    REQUIRE(next.seal());
    REQUIRE(next.recover(fixture.run.context.run_id));
    CHECK(difference(snapshot(source.path()), snapshot(target)) == "");
  } else {
    REQUIRE(next.recover(fixture.run.context.run_id));
    REQUIRE(next.close());
    if (!made) CHECK(difference(before, snapshot(target)) == "");
    if (!made) return;
    auto above = fixture.open(host, directory(fresh.path()), Access::write);
    REQUIRE(above.remove_empty({"made", "nothing"}));
    CHECK_FALSE(fs::exists(target));
    fs::create_directory(fresh / "full");
    test::make_file(fresh / "full/file", "theirs");
    REQUIRE(above.remove_empty({"full", "full/file"}));
    CHECK(test::read_text(fresh / "full/file") == "theirs");
  }
}

TEST_CASE("a restore that is held is led back or finished by the session that holds it") {
  Fixture fixture;
  const Tree source;
  test::make_file(source / "new", "new");
  Host host(fixture.engine, Fixture::options());
  const Archive archive = archive_of(fixture, host, source.path());
  const Tree around;
  const bool back = GENERATE(false, true);
  const bool killed = GENERATE(false, true);
  auto session = fixture.open(host, directory(around / "made", true), Access::write);
  stream::MemorySource stored(std::as_bytes(std::span(archive.bytes)));
  REQUIRE(session.stage(stage_options(archive.result), stored));
  REQUIRE(session.commit());
  REQUIRE(session.hold());
  if (killed) fixture.engine.kill_helper();
  if (back) {
    REQUIRE(session.rollback());
    REQUIRE(session.close());
    // Who made the directory was killed: its journal has it.
    CHECK(fs::exists(around / "made") == killed);
    if (killed) CHECK(snapshot(around / "made").size() == 1);
  } else {
    REQUIRE(session.cleanup());
    REQUIRE(session.close());
    CHECK(difference(snapshot(source.path()), snapshot(around / "made")) == "");
  }
}
