#include "app/restore.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <set>

#include "sources/definition.hpp"
#include "storage/memory_storage.hpp"
#include "stream/digest.hpp"
#include "support/fake_engine.hpp"
#include "support/fake_guard.hpp"
#include "support/quiet_run.hpp"
#include "support/sample_manifest.hpp"
#include "support/stack.hpp"
#include "support/storage_access.hpp"

using namespace davit;
using davit::test::QuietRun;

namespace {

constexpr const char* kKey = "backups/shop/20261121T083000Z-4f2a";
const std::vector<std::string> kAllBack{"rollback postgres:db", "rollback volume:b", "rollback volume:a",
                                        "rollback stack:definition"};

// What every restoration was told, and what is to fail: "commit volume:b".
struct Script {
  std::vector<std::string> told;
  std::set<std::string> failing;
  std::string hint;                  // of every error
  std::function<void()> on_stage_b;  // called while volume:b is staged

  Result<> tell(const std::string& what) {
    told.push_back(what);
    if (failing.contains(what)) return fail(Errc::unavailable, "the script failed " + what, hint);
    return {};
  }
  [[nodiscard]] std::vector<std::string> told_behind(std::string_view what) const {
    const auto found = std::ranges::find(told, what);
    REQUIRE(found != told.end());
    return {found + 1, told.end()};
  }
};

class ScriptedRestoration : public sources::Restoration {
 public:
  ScriptedRestoration(Script& script, model::ItemId id) : script_(script), id_(std::move(id)) {}
  Result<std::vector<Finding>> stage(const model::Artefact&, stream::ByteSource&, RunContext&) override {
    TRY(script_.tell("stage " + id_.text()));
    if (id_.text() == "volume:b" && script_.on_stage_b) script_.on_stage_b();
    return {};
  }
  Result<> commit(RunContext&) override { return script_.tell("commit " + id_.text()); }
  Result<> hold(RunContext&) override { return script_.tell("hold " + id_.text()); }
  Result<> seal(RunContext&) override { return script_.tell("seal " + id_.text()); }
  Result<> finish(RunContext&) override { return script_.tell("finish " + id_.text()); }
  Result<> rollback(RunContext& run) override {
    CHECK(run.check());
    return script_.tell("rollback " + id_.text());
  }
  void leave() override { (void)script_.tell("leave " + id_.text()); }

 private:
  Script& script_;
  model::ItemId id_;
};

class ScriptedSource : public sources::Source {
 public:
  explicit ScriptedSource(Script& script) : script_(script) {}
  Result<sources::Plan> plan(const sources::Stack&, const stream::Encoding&, const sources::Takes&,
                             RunContext&) override {
    return fail(Errc::bug, "plan");
  }
  Result<std::vector<Finding>> dump(model::Item&, model::Artefact&, const stream::Encoding&, stream::ByteSink&,
                                    RunContext&) override {
    return fail(Errc::bug, "dump");
  }
  Result<std::vector<sources::Conflict>> check_restore(const model::Item&, const sources::Target&,
                                                       RunContext&) override {
    return {};
  }
  Result<> verify(const model::Item&, const model::Artefact&, stream::ByteSource&, const sources::Stack&,
                  RunContext&) override {
    return fail(Errc::bug, "verify");
  }
  Result<std::unique_ptr<sources::Restoration>> restore(const model::Item& item, const sources::Target&,
                                                        RunContext&) override {
    TRY(script_.tell("restore " + item.id.text()));
    return std::make_unique<ScriptedRestoration>(script_, item.id);
  }

 private:
  Script& script_;
};

// A backup of a stack's definition, two volumes and a cluster.
struct Fixture {
  test::FakeEngine engine;
  helper::Host host{engine, {}};
  storage::MemoryStorage storage;
  Script script;
  app::SourceSet sources;
  QuietRun run;
  test::GuardState guard;

  // With a service, it is there to be made anew.
  explicit Fixture(bool with_service = false) {
    sources.add({model::ItemKind::stack, model::ItemKind::volume, model::ItemKind::postgres},
                std::make_unique<ScriptedSource>(script));
    catalog::Manifest manifest = test::sample_manifest();
    manifest.items.clear();
    sources::Stack stack;
    stack.name = "shop";
    if (with_service) {
      const nlohmann::json image{
          {"Id", "sha256:app"}, {"RepoTags", {"app:1"}}, {"RepoDigests", nlohmann::json::array()}};
      engine.add_image_as(image, "app:1");
      stack = test::make_stack({.containers = {test::make_container({.service = "app"})},
                                .images = {engine.inspect_image("app:1").value()}});
    }
    add(manifest, {model::ItemKind::stack, "definition"}, sources::render_definition(stack));
    add(manifest, {model::ItemKind::volume, "a"}, "contents of a");
    add(manifest, {model::ItemKind::volume, "b"}, "contents of b");
    add(manifest, {model::ItemKind::postgres, "db"}, "dump");
    REQUIRE(test::put(storage, std::string(kKey) + "/manifest.json", catalog::render_manifest(manifest).value()));
  }

  void add(catalog::Manifest& manifest, const model::ItemId& id, const std::string& text) {
    model::Item item;
    item.id = id;
    model::Artefact artefact;
    artefact.path = id.name + ".bin";
    artefact.plain = artefact.stored = stream::extent_of(std::as_bytes(std::span(text))).value();
    REQUIRE(test::put(storage, std::string(kKey) + "/" + artefact.path, text));
    item.artefacts.push_back(std::move(artefact));
    manifest.items.push_back(std::move(item));
  }

  Result<app::RestoreReport> restore() {
    app::RestoreOptions options;
    options.stack = "shop";
    options.backup = "latest";
    options.guard = test::fake_guards(guard);
    return app::run_restore(host, storage, sources, options, run.context);
  }
  Error failed_restore() {
    auto restored = restore();
    REQUIRE_FALSE(restored);
    return std::move(restored).error();
  }
};

}  // namespace

TEST_CASE(
    "a restore stages all places before it commits one, then the databases, and seals all before it finishes one") {
  Fixture fixture;
  const auto restored = fixture.restore();
  if (!restored) FAIL(restored.error().message());
  CHECK(fixture.script.told ==
        std::vector<std::string>{"restore stack:definition", "stage stack:definition",  //
                                 "restore volume:a",         "stage volume:a",          "restore volume:b",
                                 "stage volume:b",           "commit stack:definition", "commit volume:a",
                                 "commit volume:b",  //
                                 "restore postgres:db",      "stage postgres:db",       "commit postgres:db",
                                 "hold stack:definition",    "hold volume:a",           "hold volume:b",
                                 "hold postgres:db",  //
                                 "seal stack:definition",    "seal volume:a",           "seal volume:b",
                                 "seal postgres:db",  //
                                 "finish stack:definition",  "finish volume:a",         "finish volume:b",
                                 "finish postgres:db"});
}

TEST_CASE("a step that fails has every item that was begun rolled back, in reverse") {
  Fixture fixture;
  const std::string step =
      GENERATE("stage volume:a", "restore volume:b", "stage volume:b", "commit volume:a", "commit volume:b",
               "restore postgres:db", "stage postgres:db", "commit postgres:db", "hold volume:b", "hold postgres:db");
  INFO(step);
  fixture.script.failing = {step};
  const Error error = fixture.failed_restore();
  std::vector<std::string> expected = kAllBack;
  // What was not begun is not told.
  std::erase_if(expected, [&](const std::string& line) {
    const std::string id = line.substr(line.find(' ') + 1);
    return !std::ranges::contains(fixture.script.told, "restore " + id) || step == "restore " + id;
  });
  CHECK(fixture.script.told_behind(step) == expected);
  CHECK(error.code() == Errc::unavailable);
  CHECK(error.message().contains("the script failed " + step));
  CHECK(error.hint() == "the old contents are in place as before");
}

TEST_CASE("a rollback that fails is told in the message, whatever hint the error had, and keeps no other from theirs") {
  Fixture fixture;
  fixture.script.hint = GENERATE("", "try again");
  fixture.script.failing = {"commit postgres:db", "rollback volume:b", "rollback volume:a"};
  const Error error = fixture.failed_restore();
  CHECK(fixture.script.told_behind("commit postgres:db") == kAllBack);
  CHECK(error.message().contains("the script failed commit postgres:db"));
  CHECK(error.message().contains("the rollback of volume:a failed: the script failed rollback volume:a"));
  CHECK(error.message().contains("the rollback of volume:b failed: the script failed rollback volume:b"));
  CHECK_FALSE(error.hint().contains("as before"));
  CHECK((error.hint() == "try again") == !fixture.script.hint.empty());
}

TEST_CASE("an item that can't be finished keeps no other from being finished, and nothing is led back") {
  Fixture fixture;
  const std::string item = GENERATE("volume:a", "volume:b", "postgres:db");
  fixture.script.failing = {"finish " + item};
  const Error error = fixture.failed_restore();
  CHECK(fixture.script.told_behind("seal postgres:db") == std::vector<std::string>{"finish stack:definition",
                                                                                   "finish volume:a", "finish volume:b",
                                                                                   "finish postgres:db"});
  CHECK(error.code() == Errc::unavailable);
  CHECK(error.message().contains("the backup is restored"));
  CHECK(error.message().contains(item + " is in place, and old contents are left: the script failed finish " + item));
  CHECK_FALSE(error.hint().empty());
}

TEST_CASE("old contents that can't be removed keep no service from being started, but a server that may run does") {
  Fixture fixture(true);
  fixture.script.failing = {"finish volume:a"};
  SECTION("old contents") {
    const Error error = fixture.failed_restore();
    CHECK(error.message().contains("volume:a is in place, and old contents are left"));
    CHECK(fixture.engine.status_of("shop-app-1") == "running");
  }
  SECTION("and a service that can't be started") {
    fixture.engine.on_start = [](const engine::ContainerInfo&) {
      return fail(Errc::failed, "port is already allocated");
    };
    const Error error = fixture.failed_restore();
    CHECK(error.message().contains("volume:a is in place, and old contents are left"));
    CHECK(error.message().contains("port is already allocated"));
    CHECK(error.hint().contains("guard"));
  }
  SECTION("a server") {
    fixture.script.failing.insert("finish postgres:db");
    const Error error = fixture.failed_restore();
    CHECK(error.message().contains("services are started when that is finished"));
    CHECK(fixture.engine.status_of("shop-app-1") == "created");
    CHECK(std::ranges::contains(fixture.guard.entries, "start shop", &std::pair<std::string, nlohmann::json>::first));
  }
  // Its guard goes on in the same direction.
  CHECK(std::ranges::contains(fixture.guard.entries, "decided", &std::pair<std::string, nlohmann::json>::first));
}

TEST_CASE("of several items that can't be finished each is told") {
  Fixture fixture;
  fixture.script.failing = {"finish volume:a", "finish postgres:db"};
  const Error error = fixture.failed_restore();
  CHECK(error.message().contains("the script failed finish volume:a"));
  CHECK(error.message().contains("the script failed finish postgres:db"));
}

TEST_CASE("once it is decided there is no way back: what can't be sealed is tried once more by its finish") {
  Fixture fixture;
  const std::string item = GENERATE("stack:definition", "volume:b");
  fixture.script.failing = {"seal " + item};
  SECTION("which does it") { REQUIRE(fixture.restore()); }
  SECTION("which fails, too") {
    fixture.script.failing.insert("finish " + item);
    const Error error = fixture.failed_restore();
    CHECK(error.message().contains("the backup is restored"));
    CHECK(error.message().contains(item + " is in place, and old contents are left: the script failed seal " + item));
    CHECK(error.hint().contains("guard"));
    // Its guard goes on in the same direction.
    REQUIRE(fixture.guard.entries.size() == 1);
    CHECK(fixture.guard.entries[0].second["kind"] == "decided");
  }
  CHECK(std::ranges::equal(
      fixture.script.told_behind("seal postgres:db"),
      std::vector<std::string>{"finish stack:definition", "finish volume:a", "finish volume:b", "finish postgres:db"}));
  CHECK(std::ranges::contains(fixture.guard.log, "record decided"));
}

TEST_CASE("what fails up to the decision leads everything back, and nothing of it stays in the journal") {
  Fixture fixture;
  fixture.guard.fault = [](std::string_view what) -> Result<> {
    if (what == "record decided") return fail(Errc::unavailable, "the disk is full");
    return {};
  };
  const Error error = fixture.failed_restore();
  CHECK(fixture.script.told_behind("hold postgres:db") == kAllBack);
  CHECK(error.hint() == "the old contents are in place as before");
  CHECK(fixture.guard.entries.empty());
}

TEST_CASE("a guard that is lost before the decision leads everything back") {
  Fixture fixture;
  fixture.script.on_stage_b = [&] { fixture.guard.lost.request_stop(); };
  (void)fixture.failed_restore();
  CHECK(fixture.script.told_behind("stage volume:b") ==
        std::vector<std::string>{"rollback volume:b", "rollback volume:a", "rollback stack:definition"});
}

TEST_CASE("a decision that nobody can tell of is left to whoever has the journal") {
  Fixture fixture;
  fixture.guard.fault = [&](std::string_view what) -> Result<> {
    if (what != "record decided") return {};
    fixture.guard.lost.request_stop();
    return fail(Errc::unavailable, "no answer");
  };
  const Error error = fixture.failed_restore();
  CHECK(fixture.script.told_behind("hold postgres:db") ==
        std::vector<std::string>{"leave postgres:db", "leave volume:b", "leave volume:a", "leave stack:definition"});
  CHECK(error.message().contains("has lost its guard"));
  CHECK(error.hint() == "run davit again");
}

TEST_CASE("a restore that is told to stop leads back, and can't be stopped in that") {
  Fixture fixture;
  fixture.script.on_stage_b = [&] { fixture.run.stop.request_stop(); };
  const Error error = fixture.failed_restore();
  CHECK(error.code() == Errc::cancelled);
  CHECK(fixture.script.told_behind("stage volume:b") ==
        std::vector<std::string>{"rollback volume:b", "rollback volume:a", "rollback stack:definition"});
}

TEST_CASE("an artefact that is missing or cut is found before anything is begun") {
  Fixture fixture;
  const std::string key = std::string(kKey) + "/b.bin";
  REQUIRE(fixture.storage.remove(key));
  if (GENERATE(false, true)) REQUIRE(test::put(fixture.storage, key, "contents"));
  const Error error = fixture.failed_restore();
  CHECK(error.code() == Errc::corrupt);
  CHECK(error.message().contains("b.bin"));
  CHECK(fixture.script.told.empty());
}

TEST_CASE("a restore that had to wait for its stack is planned anew") {
  Fixture fixture;
  fixture.guard.waited = true;
  REQUIRE(fixture.restore());
  CHECK(std::ranges::count(fixture.run.reporter.steps, "plan") == 2);
  CHECK_FALSE(fixture.guard.held);
}

TEST_CASE("a restore that loses its guard leads everything back") {
  Fixture fixture;
  fixture.script.on_stage_b = [&] { fixture.guard.lost.request_stop(); };
  const Error error = fixture.failed_restore();
  CHECK(error.code() == Errc::failed);
  CHECK(error.message().contains("the guard is lost"));
  CHECK_FALSE(std::ranges::contains(fixture.script.told, "seal volume:a"));
  CHECK(std::ranges::contains(fixture.script.told, "rollback volume:a"));
}

TEST_CASE("a restore does nothing to a stack that another run has") {
  Fixture fixture;
  fixture.guard.held = true;
  CHECK(fixture.failed_restore().code() == Errc::locked);
  CHECK(fixture.script.told.empty());
}
