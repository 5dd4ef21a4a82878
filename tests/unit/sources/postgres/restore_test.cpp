#include "sources/postgres/restore.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <nlohmann/json.hpp>
#include <ranges>

#include "sources/undo_restore.hpp"
#include "stream/digest.hpp"
#include "stream/memory_stream.hpp"
#include "support/fake_postgres.hpp"
#include "support/memory_journal.hpp"
#include "support/quiet_run.hpp"
#include "support/skipping_clock.hpp"
#include "support/stack.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// A server that knows its databases by name, and what davit asks of it.
class FakeServer {
 public:
  std::string version_num = "170005";
  std::string superuser = "true";
  std::vector<std::string> databases{"postgres", "template1"};
  std::string undroppable;
  std::string objects = "0";                       // that a user has made, in each database
  std::vector<std::vector<std::string>> sessions;  // pids of other davits
  std::vector<std::string> removed_directories;

  test::FakeOutcome answer(const test::FakeCommand& command) {
    const std::string& last = command.argv.back();
    if (command.argv[0] == "pg_restore" || command.argv[0] == "pg_dumpall") return {};
    if (command.argv[0] == "sh" && command.argv[2].contains("pg_restore"))
      return {0, "CREATE DATABASE " + command.input + ";\n", ""};
    if (command.argv[0] == "sh" && command.argv[2].contains("dirname")) return {0, "/ts/fast\n/ts\n", ""};
    if (command.argv[0] == "sh" && command.argv[2].contains("mkdir")) return {};
    if (command.argv[0] == "sh" && command.argv[2].contains("rmdir")) {
      removed_directories.assign(command.argv.begin() + 4, command.argv.end());
      return {};
    }
    if (command.argv[0] == "sh" || last == "-") return run(command.input);
    if (last.contains("server_version_num"))
      return test::psql_rows({{version_num, "17.5", "postgres", superuser, "false"}});
    if (last.contains("listen_addresses")) return test::psql_rows({{"*", "3600", "1"}});
    if (last.contains("from pg_stat_activity")) return test::psql_rows(sessions);
    if (last.contains("from pg_roles") || last.contains("from pg_tablespace")) return {};
    if (last.contains("pg_largeobject_metadata")) return test::psql_rows({{objects}});
    if (last.contains("from pg_database")) return test::psql_rows(list());
    return {3, "", "what is " + last};
  }

 private:
  [[nodiscard]] std::vector<std::vector<std::string>> list() const {
    std::vector<std::vector<std::string>> table;
    for (std::size_t i = 0; i < databases.size(); ++i)
      table.push_back({std::to_string(i + 1), databases[i], "1", "true", "false", "-1", "postgres", "UTF8", "C", "C",
                       "c", "", "pg_default"});
    return table;
  }
  test::FakeOutcome run(const std::string& script) {
    for (const std::string& line : split(script, '\n')) {
      const auto quoted = split(line, '"');
      if (line.starts_with("CREATE DATABASE")) databases.push_back(quoted.at(1));
      if (line.contains(" RENAME TO ")) *std::ranges::find(databases, quoted.at(1)) = quoted.at(3);
      if (!line.starts_with("DROP DATABASE")) continue;
      if (!undroppable.empty() && quoted.at(1).ends_with(undroppable)) return {3, "", "it is in use"};
      std::erase(databases, quoted.at(1));
    }
    return {};
  }
};

struct Fixture {
  test::FakeEngine engine;
  helper::Host host{engine, {}};
  test::SkippingClock clock;
  test::QuietReporter reporter;
  std::stop_source stop;
  RunContext run{.run_id = "0123456789abcdef", .clock = clock, .reporter = reporter, .stop = stop.get_token()};
  FakeServer server;
  Stack recorded;
  Stack present;
  Target target{"shop", "/srv/shop", &recorded, &present};
  model::Item item;

  Fixture() {
    engine.on_command = [this](const test::FakeCommand& command) { return server.answer(command); };
    engine.add_image("db:1");
    item.id = {model::ItemKind::postgres, "db"};
    item.attributes["version"] = "17.5";
    Service service;
    service.name = "db";
    service.containers = {test::make_container({.service = "db", .running = false})};
    recorded.services.push_back(std::move(service));
  }
  auto begin() { return PostgresRestoration::begin(host, item, target, run); }
  void add_database(const std::string& name) {
    model::Artefact artefact;
    artefact.content = model::Content::pg_custom;
    artefact.attributes["database"] = name;
    artefact.plain = artefact.stored = stream::extent_of(std::as_bytes(std::span(name))).value();
    item.artefacts.push_back(artefact);
  }
  void stage_all(Restoration& restoration) {
    for (const model::Artefact& artefact : item.artefacts) {
      stream::MemorySource stored(artefact.attributes.at("database"));
      const auto staged = restoration.stage(artefact, stored, run);
      INFO((staged ? "" : staged.error().message()));
      REQUIRE(staged);
    }
  }
  [[nodiscard]] bool stopped() const {
    return std::ranges::any_of(engine.log(),
                               [](const std::string& line) { return line.starts_with("stop_container"); });
  }
};

TEST_CASE("a server of another version that shows itself only when it runs is refused") {
  Fixture f;
  f.item.attributes["version"] = "15.13";
  const auto refused = f.begin();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::failed);
  CHECK(refused.error().message() == "the backup is of PostgreSQL 15, and service db has 17");
  CHECK(refused.error().hint().contains("--allow-version-change"));
  CHECK(f.engine.container_names().empty());
  CHECK(f.stopped());

  f.target.allow_version_change = true;
  CHECK(f.begin());
  f.item.attributes["version"] = "18.0";
  CHECK_FALSE(f.begin());
}

TEST_CASE("a role that is no superuser restores nothing") {
  Fixture f;
  f.server.superuser = "false";
  const auto refused = f.begin();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::credentials);
}

TEST_CASE("a database of another restore is dropped only when nothing shows that its run lives") {
  Fixture f;
  const std::string left = "davit_restore_feedfeedfeedfeed_1";
  f.server.databases = {"postgres", "template1", left};
  SECTION("nothing shows it") {
    REQUIRE(f.begin());
    CHECK(f.server.databases == std::vector<std::string>{"postgres", "template1"});
    return;
  }
  std::string why;
  SECTION("a container of its run") {
    engine::ContainerInfo helper;
    helper.name = "davit-helper-feed";
    helper.labels = {{"davit.run", "feedfeedfeedfeed0123"}};
    f.engine.add_container(helper);
    why = "its run has the container davit-helper-feed";
  }
  SECTION("a session of davit in the server") {
    f.server.sessions = {{"4711"}};
    why = "another davit is at work";
  }
  REQUIRE(f.begin());
  CHECK(std::ranges::contains(f.server.databases, left));
  CHECK(std::ranges::any_of(f.reporter.notes,
                            [&](const std::string& note) { return note.contains(left) && note.contains(why); }));
}

TEST_CASE("directories that were made for tablespaces go with a rollback, the deepest first") {
  Fixture f;
  const std::string script = "CREATE TABLESPACE fast OWNER postgres LOCATION '/ts/fast';\n";
  model::Artefact globals;
  globals.content = model::Content::sql;
  globals.plain = globals.stored = stream::extent_of(std::as_bytes(std::span(script))).value();
  f.item.attributes["tablespace.fast"] = "/ts/fast";
  auto restoration = f.begin();
  REQUIRE(restoration);
  stream::MemorySource stored(script);
  const auto staged = (*restoration)->stage(globals, stored, f.run);
  if (!staged) FAIL(staged.error().message());
  CHECK(f.server.removed_directories.empty());
  (void)(*restoration)->rollback(f.run);  // the fake's server does not stop as a real one does
  CHECK(f.server.removed_directories == std::vector<std::string>{"/ts/fast", "/ts"});
}

TEST_CASE("what can't be dropped keeps neither the other databases nor the server") {
  Fixture f;
  f.server.databases = {"a", "b", "postgres", "template1"};
  f.add_database("a");
  f.add_database("b");
  auto restoration = f.begin();
  REQUIRE(restoration);
  f.stage_all(**restoration);
  REQUIRE((*restoration)->commit(f.run));
  f.server.undroppable = "_1";
  const auto finished = (*restoration)->finish(f.run);
  REQUIRE_FALSE(finished);
  CHECK(finished.error().message().contains("remove the old contents of database a"));
  CHECK(finished.error().message().contains("it is in use"));
  CHECK(f.server.databases ==
        std::vector<std::string>{"davit_old_0123456789abcdef_1", "postgres", "template1", "a", "b"});
  CHECK(f.stopped());
  CHECK(f.engine.container_names().empty());
}

// As its guard does it, in a run of its own. `until`: how far the dead run had come.
struct DeadRun {
  Fixture f;
  test::MemoryJournal journal;
  test::QuietReporter reporter;
  RunContext guard{.run_id = "feedfeedfeedfeed", .clock = f.clock, .reporter = reporter, .stop = {}};

  DeadRun() {
    f.server.databases = {"a", "postgres", "template1"};
    f.add_database("a");
    f.add_database("b");
    f.target.journal = &journal;
  }
  void run_service() {
    engine::ContainerInfo info = test::make_container({.service = "db"});
    info.id = f.engine.add_container(info);
    Service service;
    service.name = "db";
    service.containers = {std::move(info)};
    f.present.services.push_back(std::move(service));
  }
  void live_until(const std::string& until) {
    auto restoration = f.begin();
    if (!restoration) FAIL(restoration.error().message());
    if (until != "begun") f.stage_all(**restoration);
    if (until == "committed") REQUIRE((*restoration)->commit(f.run));
    (*restoration)->leave();
  }
  std::vector<std::string> settle(bool decided) {
    std::vector<std::string> lines;
    for (const auto& [key, entry] : journal.entries() | std::views::reverse) {
      auto settled = settle_restore(f.host, entry, decided, guard);
      if (!settled) FAIL(key << ": " << settled.error().message());
      lines.insert(lines.end(), settled->begin(), settled->end());
    }
    return lines;
  }
};

TEST_CASE("the databases of a dead run are led back, or carried on once that was decided") {
  DeadRun dead;
  const std::string until = GENERATE("begun", "staged", "committed");
  const bool running = GENERATE(true, false);
  const bool decided = until == "committed" && GENERATE(false, true);
  // Somebody has stopped the one-off, such as an Engine that was started anew.
  const bool stopped = !running && GENERATE(false, true);
  INFO(until << (running ? ", service runs" : ", in a one-off") << (decided ? ", decided" : "")
             << (stopped ? ", stopped" : ""));
  if (running) dead.run_service();
  dead.live_until(until);
  const auto containers = dead.f.engine.container_names();
  REQUIRE(containers.size() == 1);
  if (stopped) dead.f.engine.finish_container({containers[0]}, 137);
  const std::string what = "restore 0123456789abcdef: the databases of service db ";
  for (int again = 0; again < (running ? 2 : 1); ++again) {
    const auto lines = dead.settle(decided);
    // In a server that runs nothing is recorded until something is done.
    if (running && until == "begun")
      CHECK(lines.empty());
    else if (until == "begun")
      CHECK(lines == std::vector<std::string>{what + "have their old contents"});
    else
      CHECK(lines == std::vector<std::string>{what + (decided ? "are finished" : "have their old contents again")});
    CHECK(dead.f.server.databases == (decided ? std::vector<std::string>{"postgres", "template1", "a", "b"}
                                              : std::vector<std::string>{"a", "postgres", "template1"}));
  }
  CHECK(dead.f.engine.container_names().size() == (running ? 1 : 0));
  if (!running) CHECK((dead.f.stopped() || (stopped && until == "begun")));
}

TEST_CASE("a server that was made for a dead run goes with its volume, unless it was decided") {
  DeadRun dead;
  dead.f.recorded.services[0].containers[0].mounts = {test::volume_mount("shop_pgdata", "/var/lib/postgresql/data")};
  const bool decided = GENERATE(false, true);
  dead.live_until("committed");
  CHECK(std::ranges::contains(dead.f.engine.volume_names(), "shop_pgdata"));
  (void)dead.settle(decided);
  CHECK(std::ranges::contains(dead.f.engine.volume_names(), "shop_pgdata") == decided);
  CHECK(dead.f.engine.container_names().empty());
}

TEST_CASE("a server that is nowhere any more is an error that says what to do") {
  DeadRun dead;
  dead.live_until("committed");
  REQUIRE(dead.f.engine.remove_container({dead.f.engine.container_names().at(0)}, true));
  const auto settled = settle_restore(dead.f.host, dead.journal.entries().back().second, false, dead.guard);
  REQUIRE_FALSE(settled);
  CHECK(settled.error().code() == Errc::unavailable);
  CHECK(settled.error().hint().contains("docker compose up -d db"));
}

TEST_CASE("a service that was made anew has the databases of a dead run, too") {
  DeadRun dead;
  dead.run_service();
  dead.live_until("committed");
  REQUIRE(dead.f.engine.remove_container({dead.f.engine.container_names().at(0)}, true));
  dead.run_service();
  CHECK(dead.settle(false).size() == 1);
  CHECK(dead.f.server.databases == std::vector<std::string>{"a", "postgres", "template1"});
}

TEST_CASE("what is not recorded is not done in the server") {
  DeadRun dead;
  dead.run_service();
  auto restoration = dead.f.begin();
  REQUIRE(restoration);
  const auto before = dead.f.server.databases;
  dead.journal.fail_at(1, true);
  stream::MemorySource stored("a");
  CHECK_FALSE((*restoration)->stage(dead.f.item.artefacts[0], stored, dead.f.run));
  CHECK(dead.f.server.databases == before);
  CHECK((*restoration)->rollback(dead.f.run));
}

TEST_CASE("a database that has been filled since the plan is not replaced unasked") {
  DeadRun run;
  run.run_service();
  run.f.target.replace = GENERATE(false, true);
  auto restoration = run.f.begin();
  REQUIRE(restoration);
  run.f.stage_all(**restoration);
  run.f.server.objects = "3";
  const auto committed = (*restoration)->commit(run.f.run);
  CHECK(committed.has_value() == run.f.target.replace);
  if (committed) return;
  CHECK(committed.error().code() == Errc::exists);
  CHECK(committed.error().message().contains("database a of service db holds data (3 objects"));
  CHECK((*restoration)->rollback(run.f.run));
  CHECK(run.f.server.databases == std::vector<std::string>{"a", "postgres", "template1"});
  CHECK(run.journal.entries().empty());
}

TEST_CASE("what a journal says of a cluster survives any name, and damage is no exception") {
  ClusterEntry entry;
  entry.run = "ab";
  entry.project = "shop";
  entry.service = "db";
  entry.container = "c1";
  entry.maintenance = "odd \xff\n name";
  entry.directories = {"/ts/\xfe"};
  entry.roles = {"r\"ole"};
  entry.replacements = {{"my\xff", "davit_restore_ab_1", "davit_old_ab_1", 7, 9}, {"new", "f", "o", 8, {}}};
  entry.swap_begun = true;
  entry.undo = {"ALTER ROLE x PASSWORD 'SCRAM\n';"};
  const std::string text = to_json(entry).dump();
  const auto read = cluster_entry_from(nlohmann::json::parse(text));
  REQUIRE(read);
  CHECK(to_json(*read).dump() == text);
  CHECK(read->maintenance == entry.maintenance);
  CHECK(read->replacements[0].name == "my\xff");
  CHECK_FALSE(read->replacements[1].old_oid);
  CHECK(cluster_entry_from(nlohmann::json::object()).error().code() == Errc::corrupt);
  CHECK(cluster_entry_from(nlohmann::json::array()).error().code() == Errc::corrupt);
}

}  // namespace
}  // namespace davit::sources
