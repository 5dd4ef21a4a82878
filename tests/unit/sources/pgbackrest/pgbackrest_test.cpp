#include "sources/pgbackrest/pgbackrest.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <string>

#include "sources/pgbackrest/setup.hpp"
#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/skipping_clock.hpp"
#include "support/temporary_directory.hpp"
#include "unit/sources/pgbackrest/recorded.hpp"

namespace davit::sources {
namespace {

struct Fixture {
  test::FakeEngine engine;
  test::QuietRun run;
  std::vector<test::FakeCommand> commands;
  std::string listed = test::kNoBackupsYet;
  test::FakeOutcome backup;
  bool says_how_to_start = false;

  Fixture() {
    engine::ContainerInfo info;
    info.name = "db";
    info.image = "postgres:17";
    engine.add_container(info);
    engine.on_command = [this](const test::FakeCommand& command) -> test::FakeOutcome {
      if (command.argv.at(3) == "davit" && command.argv.size() == 5)
        return {.out = "/var/lib/postgresql/data/\npostgres\n"};
      commands.push_back(command);
      // In front of it, a shell sets up where the server is.
      commands.back().argv.erase(commands.back().argv.begin(), commands.back().argv.begin() + 4);
      if (command.argv.back().contains("PGBACKREST_START_FAST")) return {.exit_code = says_how_to_start ? 0 : 1};
      if (command.argv.back() == "backup") {
        if (backup.exit_code == 0) listed = test::kTwoSets;
        return backup;
      }
      return {.out = listed};
    };
  }
  PgBackRest tool() {
    auto cluster = cluster_in_container(engine, engine.id_of("db"), run.context);
    REQUIRE(cluster);
    return {*std::move(cluster), "db"};
  }
};

Errc code_of(int exit_code, const std::string& errors = "ERROR: [0]: x") {
  return pgbackrest_error("try", {.exit_code = exit_code, .errors = errors}).code();
}

}  // namespace

TEST_CASE("it runs as the cluster's owner and names the stanza", "[pgbackrest]") {
  Fixture fixture;
  const PgBackRest tool = fixture.tool();
  CHECK(tool.cluster().data_directory() == "/var/lib/postgresql/data");
  REQUIRE(tool.info(fixture.run.context));
  CHECK(fixture.commands.back().user == "postgres");
  CHECK(fixture.commands.back().argv[1] == "--stanza=db");
}

TEST_CASE("a backup is the set that is there behind it, with what was warned of", "[pgbackrest]") {
  Fixture fixture;
  const PgBackRest tool = fixture.tool();
  fixture.backup.err =
      "WARN: option 'repo1-retention-full' is not set for 'repo1-retention-full-type=count'\n"
      "      HINT: to retain full backups indefinitely, set it to the maximum.\n";
  const auto made = tool.backup(BackupType::diff, fixture.run.context);
  REQUIRE(made);
  CHECK(made->set.label == "20261121-231043F_20261121-231050D");
  REQUIRE(made->warnings.size() == 1);
  CHECK(made->warnings.front().ends_with("count' HINT: to retain full backups indefinitely, set it to the maximum."));
  CHECK_FALSE(made->became_full);
  // It says that it went well, and there is nothing new.
  CHECK_FALSE(tool.backup(BackupType::full, fixture.run.context));
}

TEST_CASE("the first of any type is a full one, which is nothing to warn of", "[pgbackrest]") {
  Fixture fixture;
  const PgBackRest tool = fixture.tool();
  fixture.backup.err =
      "WARN: no prior backup exists, diff backup has been changed to full\n"
      "WARN: file changed while it was read\n";
  const auto made = tool.backup(BackupType::diff, fixture.run.context);
  REQUIRE(made);
  CHECK(made->became_full);
  CHECK(made->warnings == std::vector<std::string>{"file changed while it was read"});
}

TEST_CASE("the first behind a restore compares every file, which is nothing to warn of", "[pgbackrest]") {
  Fixture fixture;
  const PgBackRest tool = fixture.tool();
  fixture.backup.err =
      "WARN: a timeline switch has occurred since the 20261122-060908F backup, enabling delta checksum HINT: this is "
      "normal after restoring from backup or promoting a standby.\n"
      "WARN: file changed while it was read\n";
  const auto made = tool.backup(BackupType::diff, fixture.run.context);
  REQUIRE(made);
  CHECK(made->timeline_switched);
  CHECK_FALSE(made->became_full);
  CHECK(made->warnings == std::vector<std::string>{"file changed while it was read"});
}

TEST_CASE("a backup waits for no spread checkpoint, unless that is configured", "[pgbackrest]") {
  for (const bool said : {false, true}) {
    CAPTURE(said);
    Fixture fixture;
    fixture.says_how_to_start = said;
    const PgBackRest tool = fixture.tool();
    REQUIRE(tool.backup(BackupType::full, fixture.run.context));
    const auto made =
        std::ranges::find_if(fixture.commands, [](const auto& each) { return each.argv.back() == "backup"; });
    REQUIRE(made != fixture.commands.end());
    CHECK(std::ranges::contains(made->argv, "--start-fast") != said);
  }
}

TEST_CASE("exit codes mean what pgBackRest's list says, and the text decides about permissions", "[pgbackrest]") {
  CHECK(code_of(50) == Errc::locked);
  CHECK(code_of(50,
                "ERROR: [050]: unable to acquire lock on file '/tmp/pgbackrest/db-backup-1.lock': Permission denied") ==
        Errc::failed);
  CHECK(code_of(55) == Errc::not_found);
  CHECK(code_of(26) == Errc::corrupt);
  CHECK(code_of(29) == Errc::corrupt);
  CHECK(code_of(87) == Errc::usage);
  CHECK(code_of(127) == Errc::not_found);
  CHECK(code_of(101) == Errc::failed);

  Fixture fixture;
  const PgBackRest tool = fixture.tool();
  fixture.backup = {.exit_code = 50, .err = "ERROR: [050]: unable to acquire lock\n"};
  const auto made = tool.backup(BackupType::full, fixture.run.context);
  REQUIRE_FALSE(made);
  CHECK(made.error().code() == Errc::locked);
  CHECK(made.error().message() == "back up stanza db: ERROR: [050]: unable to acquire lock");
}

namespace {

// Two of a schedule at once: the other one is at work for so many looks.
struct Busy {
  Fixture fixture;
  test::SkippingClock clock;
  RunContext context{.run_id = "0123456789abcdef", .clock = clock, .reporter = fixture.run.reporter, .stop = {}};
  int looks_left;
  int attempts = 0;
  bool is_said;  // info says so, as long as it lasts

  Busy(int looks, bool said) : looks_left(looks), is_said(said) {
    const auto idle = fixture.engine.on_command;
    fixture.engine.on_command = [this, idle](const test::FakeCommand& command) -> test::FakeOutcome {
      const bool held = looks_left > 0;
      if (command.argv.back() == "backup") {
        ++attempts;
        if (held) return {.exit_code = 50, .err = "ERROR: [050]: unable to acquire lock on file 'db-backup-1.lock'\n"};
      } else if (held && command.argv.back() == "--output=json") {
        --looks_left;
        std::string listed = fixture.listed;
        if (is_said) listed.replace(listed.find("false", listed.find("held")), 5, "true");
        return {.out = listed};
      }
      return idle(command);
    };
  }
};

}  // namespace

TEST_CASE("a backup waits for another pgBackRest, as long as it may", "[pgbackrest]") {
  for (const bool said : {true, false}) {
    CAPTURE(said);
    Busy busy(4, said);
    const PgBackRest tool = busy.fixture.tool();
    const auto made = tool.backup(BackupType::diff, busy.context, std::chrono::hours(1));
    REQUIRE(made);
    CHECK(made->set.label == "20261121-231043F_20261121-231050D");
    // Where it is said, it isn't tried in vain.
    CHECK(busy.attempts == (said ? 1 : 4));
    CHECK(busy.fixture.run.reporter.notes ==
          std::vector<std::string>{"waiting: another pgBackRest is at work on stanza db"});
  }
}

TEST_CASE("behind the time to wait, the lock is an error; what else is wrong is one at once", "[pgbackrest]") {
  Busy busy(1000, true);
  const PgBackRest tool = busy.fixture.tool();
  const auto late = tool.backup(BackupType::diff, busy.context, std::chrono::seconds(20));
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == Errc::locked);
  CHECK(busy.attempts == 1);
  CHECK(busy.clock.at.time_since_epoch() == std::chrono::seconds(20));

  // Somebody has told pgBackRest to stop: that doesn't end by itself.
  Busy stopped(0, false);
  const PgBackRest other = stopped.fixture.tool();
  stopped.fixture.backup = {.exit_code = 62, .err = "ERROR: [062]: stop file exists for stanza db\n"};
  const auto refused = other.backup(BackupType::diff, stopped.context, std::chrono::hours(1));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::locked);
  CHECK(stopped.clock.at.time_since_epoch().count() == 0);

  std::stop_source stop;
  stop.request_stop();
  busy.context.stop = stop.get_token();
  CHECK(tool.backup(BackupType::diff, busy.context, std::chrono::hours(1)).error().code() == Errc::cancelled);
}

TEST_CASE("archiving is set where nothing is set, and somebody else's stays", "[pgbackrest]") {
  CHECK(plan_archiving("off", "(disabled)", "db")->set_mode);
  CHECK(plan_archiving("off", "(disabled)", "db")->set_command);
  CHECK(plan_archiving("on", "", "db")->set_command);
  const auto right = plan_archiving("on", "pgbackrest --stanza=db archive-push %p", "db");
  REQUIRE(right);
  CHECK_FALSE(right->set_mode);
  CHECK_FALSE(right->set_command);
  CHECK(plan_archiving("always", "pgbackrest --stanza=\"$PGBACKREST_STANZA\" archive-push %p", "db"));
  for (const char* command : {"cp %p /archive/%f", "pgbackrest --stanza=other archive-push %p"}) {
    CAPTURE(command);
    const auto foreign = plan_archiving("on", command, "db");
    REQUIRE_FALSE(foreign);
    CHECK(foreign.error().code() == Errc::usage);
  }
}

TEST_CASE("what ALTER SYSTEM could not change is said, and nothing is changed", "[pgbackrest]") {
  const test::TemporaryDirectory directory;
  const std::string root = directory.path().string();
  test::write_file(directory / "psql", "#!/bin/sh\ncase \"$*\" in\n*'command line'*) cat " + root +
                                           "/fixed ;;\n*archive_library*) cat " + root +
                                           "/library ;;\n*alter*) echo x >>" + root +
                                           "/altered ;;\n*archive_mode*) echo off ;;\n*) echo '(disabled)' ;;\nesac\n");
  std::filesystem::permissions(directory / "psql", std::filesystem::perms::owner_all);
  const Cluster cluster{Programs::on_this_machine({"PATH=" + root + ":/usr/bin:/bin"}), root};
  test::QuietRun run;
  const auto set = [&](const std::string& fixed, const std::string& library) {
    test::write_file(directory / "fixed", fixed);
    test::write_file(directory / "library", library);
    return set_archiving(cluster, {.stanza = "db", .retention_full = {}}, run.context);
  };
  for (const char* name : {"archive_mode", "archive_command"}) {
    const auto fixed = set(std::string(name) + "\n", "");
    REQUIRE_FALSE(fixed);
    CHECK(fixed.error().message().starts_with(std::string(name) + " is set on the server's command line"));
  }
  const auto library = set("", "basic_archive\n");
  REQUIRE_FALSE(library);
  CHECK(library.error().message().starts_with("archive_library is \"basic_archive\""));
  CHECK_FALSE(std::filesystem::exists(directory / "altered"));
  REQUIRE(set("", ""));
  CHECK(test::read_file(directory / "altered") == "x\nx\n");
}

TEST_CASE("a container without pgBackRest, or one that archives elsewhere, is seen before anything is changed",
          "[pgbackrest]") {
  Fixture fixture;
  std::string archives_by = "(disabled)";
  int found = 0;
  fixture.engine.on_command = [&](const test::FakeCommand& command) -> test::FakeOutcome {
    if (command.argv.back() == "version") return {.exit_code = found, .out = "pgBackRest 2.55\n"};
    if (command.argv.at(3) == "davit" && command.argv.size() == 5)
      return {.out = "/var/lib/postgresql/data/\npostgres\n"};
    if (command.argv.back().contains("command line") || command.argv.back().contains("archive_library")) return {};
    if (command.argv.back().contains("archive_command")) return {.out = archives_by + "\n"};
    if (command.argv.back().contains("archive_mode")) return {.out = "off\n"};
    FAIL("asked for more: " << command.argv.back());
    return {};
  };
  const auto cluster = cluster_in_container(fixture.engine, fixture.engine.id_of("db"), fixture.run.context);
  REQUIRE(cluster);
  const SetupOptions options{.stanza = "db", .retention_full = {}};
  CHECK(check_setup(*cluster, options, fixture.run.context));
  archives_by = "pgbackrest --stanza=other archive-push %p";
  const auto elsewhere = check_setup(*cluster, options, fixture.run.context);
  REQUIRE_FALSE(elsewhere);
  CHECK(elsewhere.error().code() == Errc::usage);
  found = 127;
  const auto missing = check_setup(*cluster, options, fixture.run.context);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == Errc::not_found);
  CHECK(missing.error().message().contains("no pgbackrest"));
}

}  // namespace davit::sources
