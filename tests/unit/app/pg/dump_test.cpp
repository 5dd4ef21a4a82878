#include "app/pg/dump.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "storage/memory_storage.hpp"
#include "stream/memory_stream.hpp"
#include "support/fake_engine.hpp"
#include "support/fake_postgres.hpp"
#include "support/faulty_storage.hpp"
#include "support/quiet_run.hpp"
#include "support/stack.hpp"

namespace davit::app {
namespace {

struct Fixture {
  test::FakeEngine engine;
  test::FakePostgres postgres;
  test::QuietRun run;
  storage::MemoryStorage storage;
  std::string broken;  // the database whose dump fails
  bool gone = false;   // nothing answers any more

  Fixture() {
    engine.on_command = [this](const test::FakeCommand& command) -> test::FakeOutcome {
      if (gone) return {.exit_code = 2, .err = "connection refused\n"};
      const auto option = std::ranges::find(command.argv, "-d");
      if (command.argv[0] == "pg_dump" && !broken.empty() && option != command.argv.end() &&
          (option + 1)->contains(broken))
        return {.exit_code = 1, .out = "PGDMP half", .err = "pg_dump: error: invalid page in block 7\n"};
      return postgres.answer(command);
    };
    engine.add_container(test::make_container({.service = "db", .running = true}));
    postgres.fill("app", "rows of app");
    postgres.fill("my db", "rows of mine");
  }
  Result<sources::Server> server() {
    return sources::Server::connect(engine, {engine.container_names().front()}, run.context);
  }
  [[nodiscard]] std::vector<std::string> keys() const {
    std::vector<std::string> keys;
    const auto listed = storage.list("").value();
    for (const auto& object : listed) keys.push_back(object.key);
    return keys;
  }
  [[nodiscard]] std::string text(const std::string& key) const {
    auto source = storage.open(key);
    REQUIRE(source);
    return stream::read_all(**source, 1 << 20).value();
  }
};

TEST_CASE("every database that can be dumped is, with the globals beside") {
  Fixture fixture;
  const auto server = fixture.server();
  REQUIRE(server);
  const auto report = dump_databases(*server, fixture.storage, {}, fixture.run.context);
  REQUIRE(report);
  REQUIRE(report->dumps.size() == 3);
  CHECK(report->dumps[0].database == "app");
  CHECK(report->dumps[1].database == "my db");
  CHECK(report->dumps[2].database == "postgres");
  CHECK(report->dumps[1].key.starts_with("my%20db-"));
  CHECK(fixture.text(report->dumps[0].key).contains("rows of app"));
  CHECK(fixture.text(report->globals) == "CREATE ROLE postgres;\n");
  CHECK(fixture.keys().size() == 3 * 3 + 2);
  REQUIRE(find_record(fixture.storage, report->dumps[0].key).value());
}

TEST_CASE("databases are chosen by patterns, and a pattern that fits none is an error that lists what there is") {
  Fixture fixture;
  const auto server = fixture.server();
  REQUIRE(server);
  const auto chosen = choose_databases(*server, {"my*", "app"}, fixture.run.context);
  REQUIRE(chosen);
  CHECK(chosen->size() == 2);
  const auto none = dump_databases(*server, fixture.storage, {.databases = {"ap"}, .form = {}}, fixture.run.context);
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Errc::not_found);
  CHECK(none.error().message().contains("app, my db, postgres"));
  CHECK(fixture.keys().empty());
}

TEST_CASE("one database that can't be dumped keeps no other from it, and none of it is stored") {
  Fixture fixture;
  fixture.broken = "app";
  const auto server = fixture.server();
  REQUIRE(server);
  const auto report = dump_databases(*server, fixture.storage, {}, fixture.run.context);
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK(report->failure->code() == Errc::failed);
  CHECK(report->failure->message().contains("1 of 3 databases were not dumped: dump database app: "));
  CHECK(report->failure->message().contains("invalid page"));
  CHECK(report->dumps.size() == 2);
  const auto keys = fixture.keys();
  CHECK(std::ranges::none_of(keys, [](const std::string& key) { return key.starts_with("app"); }));
  CHECK(std::ranges::count_if(keys, [](const std::string& key) { return key.starts_with("my%20db"); }) == 3);
}

TEST_CASE("where nothing could be dumped, nothing is left") {
  Fixture fixture;
  fixture.broken = "app";
  const auto server = fixture.server();
  REQUIRE(server);
  REQUIRE_FALSE(dump_databases(*server, fixture.storage, {.databases = {"app"}, .form = {}}, fixture.run.context));
  CHECK(fixture.keys().empty());
}

TEST_CASE(
    "a storage that goes away in the first dump keeps nothing of the run, though it can't be asked to remove it") {
  Fixture fixture;
  const auto server = fixture.server();
  REQUIRE(server);
  // stat of the globals, create of the dump, and then its bytes.
  test::Faults faults;
  faults.fail_at = 3;
  faults.dead_after = true;
  test::FaultyStorage faulty(fixture.storage, faults);
  REQUIRE_FALSE(dump_databases(*server, faulty, {}, fixture.run.context));
  REQUIRE(faulty.failed());
  CHECK(fixture.keys().empty());
}

TEST_CASE("a server that is gone is unavailable, and the rest isn't tried") {
  Fixture fixture;
  const auto server = fixture.server();
  REQUIRE(server);
  stream::MemorySink out;
  fixture.gone = true;
  const auto dumped = sources::dump_database(*server, "app", {}, out, fixture.run.context);
  REQUIRE_FALSE(dumped);
  CHECK(dumped.error().code() == Errc::unavailable);
}

TEST_CASE("whatever operation of the storage fails, every dump that bears its name is whole") {
  for (std::uint64_t k = 1;; ++k) {
    Fixture fixture;
    const auto server = fixture.server();
    REQUIRE(server);
    test::Faults faults;
    faults.fail_at = k;
    test::FaultyStorage faulty(fixture.storage, faults);
    const auto report = dump_databases(*server, faulty, {}, fixture.run.context);
    for (const std::string& key : fixture.keys()) {
      CAPTURE(k, key);
      const auto digest = find_digest(fixture.storage, std::string(without_side_suffix(key)));
      REQUIRE(digest);
      CHECK(digest->has_value());
      if (parse_dump_name(key)) CHECK(fixture.text(key).contains("END OF DUMP"));
    }
    if (!faulty.failed()) break;
    CHECK((!report || report->failure));
  }
}

}  // namespace
}  // namespace davit::app
