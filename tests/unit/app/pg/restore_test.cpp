#include "app/pg/restore.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <optional>

#include "storage/memory_storage.hpp"
#include "stream/memory_stream.hpp"
#include "support/fake_engine.hpp"
#include "support/fake_postgres.hpp"
#include "support/faulty_storage.hpp"
#include "support/quiet_run.hpp"
#include "support/skipping_clock.hpp"
#include "support/stack.hpp"
#include "support/streams.hpp"
#include "support/ustar.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using Contents = std::map<std::string, std::string>;
using Into = PgRestoreOptions::Into;

std::string dump_of(const std::string& database, const std::string& rows) {
  return "PGDMP " + database + "\n" + rows + "\nEND OF DUMP\n";
}

struct Fixture {
  test::FakeEngine engine;
  test::FakePostgres postgres;
  test::SkippingClock clock;  // behind a fault there is much waiting
  test::QuietReporter reporter;
  RunContext context{.run_id = "0123456789abcdef", .clock = clock, .reporter = reporter, .stop = {}};
  storage::MemoryStorage storage;
  std::vector<std::vector<std::string>> commands;
  std::vector<std::string> scripts;                                                        // of SQL
  std::function<std::optional<test::FakeOutcome>(const test::FakeCommand&)> instead = {};  // of the server's answer

  Fixture() {
    engine.on_command = [this](const test::FakeCommand& command) {
      commands.push_back(command.argv);
      if (command.argv[0] == "psql" && command.argv.back() == "-") scripts.push_back(command.input);
      if (instead)
        if (auto answer = instead(command)) return *std::move(answer);
      return postgres.answer(command);
    };
    engine.add_container(test::make_container({.service = "db", .running = true}));
  }
  void put(const std::string& key, const std::string& text) {
    auto writer = storage.create(key);
    REQUIRE(writer);
    REQUIRE((*writer)->write(test::bytes_of(text)));
    REQUIRE((*writer)->finish());
    REQUIRE((*writer)->commit());
  }
  void put_dump(const std::string& key, const std::string& text) {
    REQUIRE(store_dump(storage, key, DumpRecord{"x", "17.5", {}},
                       [&](stream::ByteSink& out) { return out.write(test::bytes_of(text)); }));
  }
  Result<PgRestoreReport> restore(const PgRestoreOptions& options = {}) { return restore_from(storage, options); }
  Result<PgRestoreReport> restore_from(const storage::StorageReader& from, const PgRestoreOptions& options) {
    auto server = sources::Server::connect(engine, {engine.container_names().front()}, context);
    REQUIRE(server);
    return restore_dumps(*server, from, options, context);
  }
  [[nodiscard]] bool ran(const std::string& argument) const {
    return std::ranges::any_of(commands, [&](const auto& argv) { return std::ranges::contains(argv, argument); });
  }
};

TEST_CASE("the newest dump of each database is restored, and missing databases are made") {
  Fixture fixture;
  fixture.put_dump("app-20261121T083000Z.sql", dump_of("app", "old rows"));
  fixture.put_dump("app-20261122T083000Z.sql", dump_of("app", "new rows"));
  fixture.put_dump("my%20db-20261121T083000Z.sql", dump_of("my db", "mine"));
  const auto report = fixture.restore();
  REQUIRE(report);
  CHECK(fixture.postgres.contents() == Contents{{"app", "new rows"}, {"my db", "mine"}});
  CHECK(report->databases.size() == 2);
  CHECK(report->databases[0].created);
}

TEST_CASE("a dump that somebody else has made is restored under the name of its file") {
  Fixture fixture;
  fixture.put("your_database.sql", dump_of("whatever", "rows"));
  REQUIRE(fixture.restore());
  CHECK(fixture.postgres.contents() == Contents{{"your_database", "rows"}});
}

TEST_CASE("a database that holds something is not touched unless that is asked for") {
  Fixture fixture;
  fixture.postgres.fill("app", "precious");
  fixture.put_dump("app-20261121T083000Z.sql", dump_of("app", "rows"));
  for (const Into into : {Into::automatic, Into::create}) {
    const auto refused = fixture.restore({.into = into});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::exists);
  }
  // What it holds is in the way, in one transaction.
  const auto in_the_way = fixture.restore({.into = Into::existing});
  REQUIRE_FALSE(in_the_way);
  CHECK(in_the_way.error().hint().contains("--clean"));
  CHECK(fixture.postgres.contents() == Contents{{"app", "precious"}});
  const auto several_jobs = fixture.restore({.into = Into::existing, .filling = {.jobs = 2}});
  REQUIRE_FALSE(several_jobs);
  CHECK(several_jobs.error().code() == Errc::usage);

  const auto restored = fixture.restore({.into = Into::existing, .filling = {.clean = true}});
  REQUIRE(restored);
  CHECK_FALSE(restored->databases.front().created);
  CHECK(fixture.postgres.contents() == Contents{{"app", "rows"}});
  CHECK(fixture.ran("--single-transaction"));
}

TEST_CASE("an empty database is filled, and one that must be there is missed") {
  Fixture fixture;
  fixture.postgres.fill("app", "");
  fixture.put_dump("app-20261121T083000Z.sql", dump_of("app", "rows"));
  REQUIRE(fixture.restore());
  CHECK(fixture.postgres.contents() == Contents{{"app", "rows"}});
  CHECK(fixture.restore({.into = Into::existing, .as = "other"}).error().code() == Errc::not_found);
}

TEST_CASE("a dump can get another name, and one of many must be chosen for it") {
  Fixture fixture;
  fixture.postgres.fill("app", "precious");
  fixture.put_dump("app-20261121T083000Z.sql", dump_of("app", "rows"));
  fixture.put_dump("b-20261121T083000Z.sql", dump_of("b", "more"));
  CHECK(fixture.restore({.as = "copy"}).error().code() == Errc::usage);
  REQUIRE(fixture.restore({.databases = {"app"}, .as = "copy"}));
  REQUIRE(fixture.restore({.dump = "b-20261121T083000Z.sql", .as = "b2"}));
  CHECK(fixture.postgres.contents() == Contents{{"app", "precious"}, {"copy", "rows"}, {"b2", "more"}});
  CHECK(fixture.restore({.databases = {"c"}}).error().code() == Errc::not_found);
  CHECK(fixture.restore({.dump = "c.sql"}).error().code() == Errc::not_found);
}

TEST_CASE("a dump that is cut or altered is refused before anything is touched, with a digest and without") {
  const std::string whole = dump_of("app", "rows");
  for (const std::string& bad : {whole.substr(0, whole.size() - 5), std::string(), std::string("SELECT 1;\n")}) {
    CAPTURE(bad);
    Fixture fixture;
    fixture.put_dump("a-20261121T083000Z.sql", dump_of("a", "good"));
    fixture.put("b.sql", bad);
    const auto refused = fixture.restore();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::corrupt);
    CHECK(refused.error().message().starts_with("b.sql: "));
    CHECK(fixture.postgres.contents().empty());
  }
  Fixture fixture;
  fixture.put("a-20261121T083000Z.sql.sha256", render_digest(std::string(64, '0'), "x"));
  fixture.put("a-20261121T083000Z.sql", whole);
  CHECK(fixture.restore().error().code() == Errc::corrupt);
  CHECK(fixture.postgres.contents().empty());
}

TEST_CASE("a tar that ends anywhere but at its end is refused before anything is touched") {
  const test::UstarOwner of_pg_dump{.user = "0004000", .group = "0002000"};
  for (const auto& owner : {of_pg_dump, test::UstarOwner()}) {
    const std::string members = test::ustar_member("toc.dat", dump_of("a", "rows"), owner) +
                                test::ustar_member("1.dat", std::string(700, 'x'), owner);
    for (const std::size_t left_out : {1024U, 700U, 1U}) {
      CAPTURE(left_out);
      Fixture fixture;
      // pg_restore has nothing against it.
      fixture.instead = [](const test::FakeCommand& command) -> std::optional<test::FakeOutcome> {
        if (command.argv[0] == "pg_restore") return test::FakeOutcome{.exit_code = 0};
        return std::nullopt;
      };
      fixture.put("a.sql", members.substr(0, members.size() - left_out));
      const auto refused = fixture.restore();
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code() == Errc::corrupt);
      CHECK_FALSE(fixture.ran("pg_restore"));
    }
  }
}

TEST_CASE("globals that are not what their digest says are refused before anything is touched") {
  Fixture fixture;
  const std::string left = sources::stage_name(sources::Stage::fresh, "fedcba9876543210", 1);
  fixture.postgres.fill(left, "half");
  fixture.put_dump("app-20261121T083000Z.sql", dump_of("app", "rows"));
  fixture.put("20261121T083000Z.globals.sql", "CREATE ROLE app;");
  fixture.put("20261121T083000Z.globals.sql.sha256", render_digest(std::string(64, '0'), "x"));
  CHECK(fixture.restore().error().code() == Errc::corrupt);
  CHECK(fixture.postgres.contents() == Contents{{left, "half"}});
  CHECK(fixture.restore({.roles = false}));
}

TEST_CASE("a dump that changes between the check and the restore becomes no database") {
  Fixture fixture;
  fixture.put_dump("app-20261121T083000Z.sql", dump_of("app", "rows"));
  for (std::uint64_t k = 1;; ++k) {
    // Every operation of the storage fails in turn, and so does the second reading.
    test::Faults faults;
    faults.fail_at = k;
    faults.code = Errc::corrupt;
    test::FaultyStorage faulty(fixture.storage, faults);
    const auto restored = fixture.restore_from(faulty, {});
    if (!faulty.failed()) {
      CHECK(restored);
      break;
    }
    CAPTURE(k);
    CHECK_FALSE(restored);
    CHECK(fixture.postgres.contents().empty());
  }
}

TEST_CASE("whatever command on the server is cut off, a new database is whole or not there") {
  std::uint64_t operations = 0;
  for (std::uint64_t k = 1; operations == 0 || k <= operations; ++k) {
    Fixture fixture;
    fixture.put_dump("app-20261121T083000Z.sql", dump_of("app", "rows"));
    auto server = sources::Server::connect(fixture.engine, {fixture.engine.container_names().front()}, fixture.context);
    REQUIRE(server);
    fixture.engine.set_faults({.fail_at = k});
    const auto restored = restore_dumps(*server, fixture.storage, {}, fixture.context);
    const bool failed = fixture.engine.failed();
    fixture.engine.set_faults({});
    CAPTURE(k);
    Contents contents = fixture.postgres.contents();
    // A database under a temporary name may stay where even dropping it failed: the next restore does.
    std::erase_if(contents, [](const auto& each) { return sources::stage_of(each.first).has_value(); });
    if (restored) CHECK(contents == Contents{{"app", "rows"}});
    if (!contents.empty()) CHECK(contents == Contents{{"app", "rows"}});
    if (!failed) break;
  }
}

TEST_CASE("what a dead run has left under a temporary name is dropped, and old contents are only told of") {
  Fixture fixture;
  fixture.postgres.fill(sources::stage_name(sources::Stage::fresh, "fedcba9876543210", 1), "half");
  fixture.postgres.fill(sources::stage_name(sources::Stage::old, "fedcba9876543210", 1), "precious");
  fixture.put_dump("app-20261121T083000Z.sql", dump_of("app", "rows"));
  REQUIRE(fixture.restore());
  const auto contents = fixture.postgres.contents();
  CHECK(contents.size() == 2);
  CHECK(contents.at("app") == "rows");
  CHECK(contents.at(sources::stage_name(sources::Stage::old, "fedcba9876543210", 1)) == "precious");
}

TEST_CASE("TimescaleDB is told of the end, also where it was told of the beginning in vain") {
  for (const std::string failing : {"", "timescaledb_pre_restore", "pg_restore"}) {
    CAPTURE(failing);
    Fixture fixture;
    fixture.postgres.fill("app", "");
    fixture.put_dump("app-20261121T083000Z.sql", dump_of("app", "rows"));
    fixture.instead = [&](const test::FakeCommand& command) -> std::optional<test::FakeOutcome> {
      if (command.argv[0] == "sh" && command.argv.at(2).contains("pg_restore -C"))
        return test::FakeOutcome{.out = "CREATE DATABASE app;\nCREATE EXTENSION timescaledb;\n"};
      const bool fails = command.argv[0] == failing || (!failing.empty() && command.input.contains(failing + "()"));
      if (fails) return test::FakeOutcome{.exit_code = 3, .err = "the answer was lost\n"};
      return std::nullopt;
    };
    CHECK(fixture.restore().has_value() == failing.empty());
    const auto told = [&](std::string_view what) {
      return std::ranges::find_if(fixture.scripts, [&](const auto& script) { return script.contains(what); });
    };
    REQUIRE(told("timescaledb_pre_restore()") != fixture.scripts.end());
    REQUIRE(told("timescaledb_post_restore()") != fixture.scripts.end());
    CHECK(told("timescaledb_pre_restore()") < told("timescaledb_post_restore()"));
  }
}

TEST_CASE("a database that was left half restored, and can't be settled, keeps no other from being restored") {
  Fixture fixture;
  fixture.put_dump("app-20261121T083000Z.sql", dump_of("app", "rows"));
  fixture.instead = [&](const test::FakeCommand& command) -> std::optional<test::FakeOutcome> {
    if (command.argv[0] == "psql" && command.argv.back().contains("from pg_db_role_setting"))
      return test::FakeOutcome{.out = to_hex(test::bytes_of("theirs")) + "\n"};
    if (command.input.contains("timescaledb_post_restore"))
      return test::FakeOutcome{.exit_code = 3, .err = "permission denied\n"};
    return std::nullopt;
  };
  CHECK(fixture.restore());
  CHECK(fixture.postgres.contents() == Contents{{"app", "rows"}});
}

TEST_CASE("several jobs put the dump aside, and owners and privileges are left out when asked") {
  Fixture fixture;
  fixture.put_dump("app-20261121T083000Z.sql", dump_of("app", "rows"));
  // The fake has no shell to put it aside with: what matters is what it was asked for.
  CHECK_FALSE(fixture.restore({.filling = {.jobs = 4, .owners = false, .acls = false}}));
  CHECK(fixture.ran("-j"));
  CHECK(fixture.ran("--no-owner"));
  CHECK(fixture.ran("--no-acl"));
  CHECK(fixture.postgres.contents().empty());
}

}  // namespace
}  // namespace davit::app
