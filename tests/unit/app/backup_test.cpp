#include "app/backup.hpp"

#include <catch2/catch_test_macros.hpp>

#include "storage/memory_storage.hpp"
#include "support/fake_engine.hpp"
#include "support/fake_guard.hpp"
#include "support/quiet_run.hpp"

using namespace davit;

namespace {

using Names = std::vector<std::string>;

// Gives items, tells what their services do while they are dumped, and fails where it is to.
class ScriptedSource : public sources::Source {
 public:
  ScriptedSource(test::FakeEngine& engine, std::vector<model::Item> items)
      : engine_(engine), items_(std::move(items)) {}
  Names seen;
  std::string failing;

  Result<sources::Plan> plan(const sources::Stack&, const stream::Encoding&, const sources::Takes&,
                             RunContext&) override {
    sources::Plan plan;
    plan.items = items_;
    return plan;
  }
  Result<std::vector<Finding>> dump(model::Item& item, model::Artefact& artefact, const stream::Encoding& encoding,
                                    stream::ByteSink& stored, RunContext&) override {
    seen.push_back(item.id.text() + ": app " + engine_.status_of("shop-app-1") + ", web " +
                   engine_.status_of("shop-web-1"));
    if (item.id.text() == failing) return fail(Errc::failed, "it is broken");
    stream::Encoder encoder(encoding, stored);
    TRY(encoder.write(std::as_bytes(std::span(std::string_view("contents")))));
    TRY(encoder.finish());
    artefact.plain = encoder.plain();
    artefact.stored = encoder.stored();
    return {};
  }
  Result<std::vector<sources::Conflict>> check_restore(const model::Item&, const sources::Target&,
                                                       RunContext&) override {
    return fail(Errc::bug, "check_restore");
  }
  Result<> verify(const model::Item&, const model::Artefact&, stream::ByteSource&, const sources::Stack&,
                  RunContext&) override {
    return fail(Errc::bug, "verify");
  }
  Result<std::unique_ptr<sources::Restoration>> restore(const model::Item&, const sources::Target&,
                                                        RunContext&) override {
    return fail(Errc::bug, "restore");
  }

 private:
  test::FakeEngine& engine_;
  std::vector<model::Item> items_;
};

model::Item volume_item(const std::string& key, const std::string& user) {
  model::Item item;
  item.id = {model::ItemKind::volume, key};
  item.services = {user};
  item.attributes = {{"volume", "shop_" + key}, {"driver", "local"}};
  model::Artefact artefact;
  artefact.path = "volumes/" + key + ".tar.zst";
  artefact.codec = stream::Codec::zstd;
  item.artefacts = {artefact};
  return item;
}

struct Bench {
  test::FakeEngine engine;
  storage::MemoryStorage storage;
  test::QuietRun run;
  test::GuardState guard;
  app::SourceSet sources;
  app::BackupOptions options;
  ScriptedSource* source = nullptr;
  int hook_exit_code = 0;

  Bench() {
    add("app", "shop_a", {{"davit.after", R"(["go on"])"}});
    add("web", "shop_b");
    auto made = std::make_unique<ScriptedSource>(engine, std::vector{volume_item("a", "app"), volume_item("b", "web")});
    source = made.get();
    sources.add({model::ItemKind::volume}, std::move(made));
    options.stack = "shop";
    options.davit_version = "1";
    options.guard = test::fake_guards(guard);
    engine.on_command = [this](const test::FakeCommand&) { return test::FakeOutcome{hook_exit_code, "", ""}; };
  }
  void add(const std::string& service, const std::string& volume, const engine::Labels& labels = {}) {
    engine::ContainerInfo info;
    info.name = "shop-" + service + "-1";
    info.image_id = "sha256:" + std::string(64, 'a');
    info.labels = {{"com.docker.compose.project", "shop"},
                   {"com.docker.compose.service", service},
                   {"com.docker.compose.container-number", "1"}};
    info.labels.insert(labels.begin(), labels.end());
    info.mounts = {{"volume", volume, "", "/v", "local", true}};
    engine.add_container(info);
  }
  [[nodiscard]] bool all_run() const {
    return engine.status_of("shop-app-1") == "running" && engine.status_of("shop-web-1") == "running";
  }
};

}  // namespace

TEST_CASE("services are held while their volume is read, and the manifest says so", "[backup]") {
  Bench bench;
  bench.options.allow_hooks = true;
  const auto report = app::run_backup(bench.engine, bench.storage, bench.sources, bench.options, bench.run.context);
  REQUIRE(report);
  CHECK(bench.source->seen == Names{"volume:a: app paused, web running", "volume:b: app running, web paused"});
  CHECK(bench.all_run());
  CHECK(bench.guard.entries.empty());
  const catalog::Manifest& manifest = report->manifest;
  REQUIRE(manifest.items.size() == 2);
  CHECK(manifest.items[0].consistency == model::Consistency::paused);
  REQUIRE(manifest.held.size() == 2);
  CHECK(manifest.held[0].service == "app");
  CHECK(manifest.held[1].how == "paused");
  CHECK(manifest.findings.empty());
}

TEST_CASE("of a stack without containers it is said what the backup can't have", "[backup]") {
  Bench bench;
  for (const char* name : {"shop-app-1", "shop-web-1"}) REQUIRE(bench.engine.remove_container({name}, true));
  bench.engine.add_volume("shop_c", {{"com.docker.compose.project", "shop"}, {"com.docker.compose.volume", "c"}});
  const auto report = app::run_backup(bench.engine, bench.storage, bench.sources, bench.options, bench.run.context);
  if (!report) FAIL(report.error().message());
  REQUIRE(report->manifest.findings.size() == 1);
  CHECK(report->manifest.findings[0].what.starts_with("stack shop has no containers: "));
  CHECK(bench.run.reporter.findings == report->manifest.findings);
}

TEST_CASE("files that are left out and that containers mount are needed for a restore", "[backup]") {
  Bench bench;
  engine::ContainerInfo nginx;
  nginx.name = "shop-nginx-1";
  nginx.labels = {{"com.docker.compose.project", "shop"}, {"com.docker.compose.service", "nginx"}};
  nginx.mounts = {{"bind", "", "/srv/shop/site.conf", "/etc/nginx/site.conf", "", false}};
  bench.engine.add_container(nginx);
  model::Item files;
  files.id = {model::ItemKind::files, "project"};
  files.attributes = {{"path", "/srv/shop"}};
  model::Artefact artefact;
  artefact.attributes = {{"path.0", "compose.yaml"}, {"path.1", "site.conf"}};
  files.artefacts = {artefact};
  bench.sources.add({model::ItemKind::files},
                    std::make_unique<ScriptedSource>(bench.engine, std::vector<model::Item>{files}));
  const auto needs = [&] {
    const auto plan = app::plan_backup(bench.engine, bench.sources, bench.options, bench.run.context);
    REQUIRE(plan);
    return plan->needs;
  };
  CHECK(needs().empty());
  bench.options.selection.exclude = {"files:project"};
  CHECK(needs() == Names{"path /srv/shop/site.conf of the host (bind mount of nginx)"});
}

TEST_CASE("consistent: all are held until everything is read", "[backup]") {
  Bench bench;
  bench.options.consistent = true;
  REQUIRE(app::run_backup(bench.engine, bench.storage, bench.sources, bench.options, bench.run.context));
  CHECK(bench.source->seen == Names{"volume:a: app paused, web paused", "volume:b: app paused, web paused"});
  CHECK(bench.all_run());
}

TEST_CASE("a plan holds nobody", "[backup]") {
  Bench bench;
  const auto plan = app::plan_backup(bench.engine, bench.sources, bench.options, bench.run.context);
  REQUIRE(plan);
  CHECK(plan->quiesce.services.size() == 2);
  CHECK(plan->items.at(0).consistency == model::Consistency::paused);
  for (const std::string& line : bench.engine.log()) CHECK_FALSE(line.starts_with("pause_"));
}

TEST_CASE("after an error everybody runs again, and nothing is listed", "[backup]") {
  Bench bench;
  bench.source->failing = "volume:b";
  bench.options.consistent = true;
  const auto report = app::run_backup(bench.engine, bench.storage, bench.sources, bench.options, bench.run.context);
  REQUIRE_FALSE(report);
  CHECK(report.error().message() == "back up volume:b: it is broken");
  CHECK(bench.all_run());
  CHECK(bench.guard.entries.empty());
  CHECK(bench.storage.list("")->empty());
}

TEST_CASE("that a davit.after has failed is told, whether the backup was made or not", "[backup]") {
  Bench bench;
  bench.options.allow_hooks = true;
  bench.hook_exit_code = 4;
  const Finding told{"", "", "davit.after of service app: it ended with exit code 4"};
  SECTION("it was") {
    const auto report = app::run_backup(bench.engine, bench.storage, bench.sources, bench.options, bench.run.context);
    REQUIRE(report);
    CHECK(report->manifest.findings == std::vector{told});
  }
  SECTION("it was not") {
    bench.source->failing = "volume:a";
    REQUIRE_FALSE(app::run_backup(bench.engine, bench.storage, bench.sources, bench.options, bench.run.context));
  }
  CHECK(bench.run.reporter.findings == std::vector{told});
  CHECK(bench.guard.entries.empty());
}

TEST_CASE("a guard that is lost while something is held ends the run", "[backup]") {
  Bench bench;
  bench.guard.fault = [&](std::string_view what) -> Result<> {
    if (what.starts_with("strike")) bench.guard.lost.request_stop();
    return {};
  };
  REQUIRE_FALSE(app::run_backup(bench.engine, bench.storage, bench.sources, bench.options, bench.run.context));
  CHECK(bench.all_run());
  CHECK(bench.storage.list("")->empty());
}
