// Packing and staging through a helper, and what becomes of sessions whose ends fail.

#include "helper/session.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <thread>

#include "stream/digest.hpp"
#include "stream/memory_stream.hpp"
#include "support/helper_engine.hpp"
#include "support/lives.hpp"
#include "support/quiet_run.hpp"
#include "support/session_fixture.hpp"
#include "support/streams.hpp"
#include "support/tree.hpp"

using namespace davit;
using namespace davit::helper;
using davit::test::Archive;
using davit::test::archive_of;
using davit::test::difference;
using davit::test::directory;
using davit::test::HelperEngine;
using davit::test::HookSink;
using davit::test::HookSource;
using davit::test::lives;
using davit::test::QuietRun;
using davit::test::snapshot;
using davit::test::stage_options;
using davit::test::Tree;
using davit::test::volume;
using Fixture = davit::test::SessionFixture;
namespace fs = std::filesystem;

TEST_CASE("a place is packed and restored over every transport") {
  Fixture fixture;
  const Tree source;
  test::make_oddities(source.path());
  test::make_file(source / "noise", test::noise(5 << 20));
  const Tree target;
  test::make_file(target / "old", "old");
  const auto before = snapshot(source.path());

  const std::string transport = GENERATE("socket", "attach", "fallback", "refused");
  INFO(transport);
  if (transport == "fallback") fixture.engine.reachable = false;
  if (transport == "refused") fixture.engine.only_network = "none";
  Host host(fixture.engine, Fixture::options(transport == "attach"));

  const Archive archive = archive_of(fixture, host, source.path());
  CHECK(archive.result.stored.bytes == archive.bytes.size());
  CHECK(archive.result.findings.size() == 1);
  CHECK(fixture.engine.arguments().size() == (transport == "socket" || transport == "fallback" ? 5 : 1));
  {
    auto session = fixture.open(host, directory(target.path()), Access::write);
    // What worked is kept: the second helper does not try the socket again.
    CHECK((fixture.engine.arguments().size() == 5) == (transport == "socket"));
    const auto probe = session.probe({"old", "none"}).value();
    CHECK(probe.present == std::vector<std::string>{"old"});
    stream::MemorySource stored(std::as_bytes(std::span(archive.bytes)));
    const auto staged = session.stage(stage_options(archive.result), stored);
    REQUIRE(staged);
    CHECK(staged->entries == archive.result.entries);
    CHECK(test::read_text(target / "old") == "old");
    REQUIRE(session.commit());
    REQUIRE(session.cleanup());
    REQUIRE(session.close());
  }
  CHECK(difference(before, snapshot(target.path())) == "");
  CHECK(fixture.engine.helper_names().empty());
}

TEST_CASE("a reader that stalls loses nothing: the helper stays until all was taken over") {
  Fixture fixture;
  const Tree source;
  test::make_file(source / "file", test::noise(2 << 20));
  Host host(fixture.engine, Fixture::options(GENERATE(false, true)));
  auto session = fixture.open(host, directory(source.path()), Access::read);
  HookSink sink((2 << 20) - 1, [&]() -> Result<> {
    // The helper has sent everything, and there is nothing else for it to do.
    for (int i = 0; i < 100; ++i) {
      CHECK(fixture.engine.status_of(fixture.engine.helper_names().at(0)) == "running");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return {};
  });
  const auto packed = session.pack({.encoding = {stream::Codec::none, 0, 0}, .paths = {}, .exclude = {}}, sink);
  REQUIRE(packed);
  CHECK(sink.sink.finished());
  CHECK(stream::extent_of(std::as_bytes(std::span(sink.sink.contents()))).value() == packed->stored);
}

TEST_CASE("a source that fails is given back as it failed, and the session can be used on") {
  Fixture fixture;
  const Tree source;
  test::make_file(source / "new", test::noise(1 << 20));
  const Tree target;
  test::make_file(target / "old", "old");
  Host host(fixture.engine, Fixture::options());
  const Archive archive = archive_of(fixture, host, source.path());
  auto session = fixture.open(host, directory(target.path()), Access::write);
  test::FailingSource failing(archive.bytes, 300'000);
  CHECK(session.stage(stage_options(archive.result), failing).error().code() == Errc::unavailable);
  REQUIRE(session.rollback());
  // Nor does damage end it.
  std::string damaged = archive.bytes;
  damaged[damaged.size() / 3] ^= 4;
  stream::MemorySource wrong(damaged);
  CHECK(session.stage(stage_options(archive.result), wrong).error().code() == Errc::corrupt);
  REQUIRE(session.rollback());
  stream::MemorySource stored(std::as_bytes(std::span(archive.bytes)));
  const auto staged = session.stage(stage_options(archive.result), stored);
  if (!staged) FAIL(staged.error().message());
  REQUIRE(session.commit());
  REQUIRE(session.cleanup());
  CHECK(difference(snapshot(source.path()), snapshot(target.path())) == "");
}

TEST_CASE("a sink that fails ends the session with its error, and is never finished") {
  Fixture fixture;
  const Tree source;
  test::make_file(source / "file", test::noise(2 << 20));
  Host host(fixture.engine, Fixture::options());
  for (std::size_t n = 1; n < 4; ++n) {
    auto session = fixture.open(host, directory(source.path()), Access::read);
    test::FailingSink sink(n);
    CHECK_FALSE(session.pack({}, sink));
    CHECK(sink.calls_after_failure() == 0);
  }
  CHECK(fixture.engine.helper_names().empty());
}

TEST_CASE("a cancelled run leaves a pack and a stage at once") {
  Fixture fixture;
  const Tree source;
  test::make_file(source / "file", test::noise(2 << 20));
  const Tree target;
  test::make_file(target / "old", "old");
  const auto before = snapshot(target.path());
  Host host(fixture.engine, Fixture::options(GENERATE(false, true)));
  const Archive archive = archive_of(fixture, host, source.path());
  const auto cancel = [&]() -> Result<> {
    fixture.run.stop.request_stop();
    return {};
  };
  if (GENERATE(false, true)) {
    auto session = fixture.open(host, directory(source.path()), Access::read);
    HookSink sink(1 << 20, cancel);
    CHECK(session.pack({}, sink).error().code() == Errc::cancelled);
  } else {
    auto session = fixture.open(host, directory(target.path()), Access::write);
    HookSource stored(archive.bytes, 1 << 20, cancel);
    CHECK(session.stage(stage_options(archive.result), stored).error().code() == Errc::cancelled);
  }
  CHECK(difference(before, snapshot(target.path())) == "");
  CHECK(fixture.engine.helper_names().empty());
}

TEST_CASE("directories that are missing are told, or made, and unmade") {
  Fixture fixture;
  Host host(fixture.engine, Fixture::options());
  const Tree around;
  {
    auto session = fixture.open(host, directory(around / "none"), Access::read);
    CHECK_FALSE(session.probe().value().exists);
    stream::MemorySink sink;
    CHECK(session.pack({}, sink).error().code() == Errc::not_found);
    REQUIRE(session.close());
  }
  const auto refused = Session::open(host, directory(around / "none"), Access::write, fixture.run.context);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::not_found);
  CHECK(
      Session::open(host, directory(around / "none/below", true), Access::write, fixture.run.context).error().code() ==
      Errc::not_found);
  CHECK(Session::open(host, volume("none"), Access::read, fixture.run.context).error().code() == Errc::not_found);
  {
    auto session = fixture.open(host, directory(around / "made/", true), Access::write);
    CHECK(session.probe().value().empty);
    CHECK(fs::exists(around / "made"));
  }
  // Nothing was restored into it.
  CHECK_FALSE(fs::exists(around / "made"));
  const Tree source;
  test::make_file(source / "new", "new");
  const Archive archive = archive_of(fixture, host, source.path());
  auto session = fixture.open(host, directory(around / "made", true), Access::write);
  stream::MemorySource stored(std::as_bytes(std::span(archive.bytes)));
  REQUIRE(session.stage(stage_options(archive.result), stored));
  REQUIRE(session.commit());
  REQUIRE(session.cleanup());
  REQUIRE(session.close());
  CHECK(test::read_text(around / "made/new") == "new");
}

TEST_CASE("what is no helper is told by what it prints") {
  Fixture fixture;
  fixture.engine.impostor = "exec format error: /davit/davit\n";
  Host host(fixture.engine, Fixture::options());
  const Tree place;
  const auto session = Session::open(host, directory(place.path()), Access::read, fixture.run.context);
  REQUIRE_FALSE(session);
  CHECK(session.error().message().contains("exec format error: /davit/davit"));
  CHECK(session.error().message().contains("ended with code 3"));
  CHECK(fixture.engine.helper_names().empty());
}

TEST_CASE("a place that is no directory is the reason why a helper did not start") {
  Fixture fixture;
  Host host(fixture.engine, Fixture::options());
  const Tree around;
  test::make_file(around / "file", "x");
  const auto session = Session::open(host, directory(around / "file"), Access::read, fixture.run.context);
  REQUIRE_FALSE(session);
  CHECK(session.error().message().contains("not a directory"));
}

TEST_CASE("without busybox and a registry the image is imported, once") {
  HelperEngine engine;
  QuietRun run;
  const Tree place;
  for (int i = 0; i < 2; ++i) {
    Host host(engine, {});
    auto session = Session::open(host, directory(place.path()), Access::read, run.context);
    if (!session) FAIL(session.error().message());
    REQUIRE(session->close());
  }
  CHECK(run.reporter.notes == std::vector<std::string>{"pulling busybox"});
  const auto log = engine.log();
  CHECK(std::ranges::count_if(
            log, [](const std::string& line) { return line.starts_with("import_image davit-helper:"); }) == 1);
  Host host(engine, {.image = "no/such:image", .self_container = {}, .attach_only = false, .program = {}});
  CHECK_FALSE(Session::open(host, directory(place.path()), Access::read, run.context));
}

TEST_CASE("helpers of dead runs are swept, those of living ones stay") {
  Fixture fixture;
  Host host(fixture.engine, Fixture::options());
  const Tree place;
  auto session = fixture.open(host, directory(place.path()), Access::read);
  const auto names = fixture.engine.helper_names();
  CHECK(sweep(fixture.engine, lives({fixture.run.context.run_id})).value().empty());
  CHECK(fixture.engine.helper_names() == names);
  CHECK(sweep(fixture.engine, lives({"beef"})).value() ==
        std::vector<std::string>{"removed the helper " + names.at(0) + " of run " + fixture.run.context.run_id});
  CHECK(fixture.engine.helper_names().empty());
}
