#include "app/pg/dump_set.hpp"

#include <catch2/catch_test_macros.hpp>

#include "storage/memory_storage.hpp"
#include "stream/memory_stream.hpp"
#include "support/faulty_storage.hpp"
#include "support/streams.hpp"

namespace davit::app {
namespace {

std::string contents(const storage::Storage& storage, const std::string& key) {
  auto source = storage.open(key);
  REQUIRE(source);
  auto text = stream::read_all(**source, 1 << 20);
  REQUIRE(text);
  return *text;
}

std::vector<std::string> keys(const storage::Storage& storage) {
  std::vector<std::string> keys;
  const auto listed = storage.list("");
  REQUIRE(listed);
  for (const auto& object : *listed) keys.push_back(object.key);
  return keys;
}

void put(storage::Storage& storage, const std::string& key, std::string_view text = "x") {
  auto writer = storage.create(key);
  REQUIRE(writer);
  REQUIRE((*writer)->write(test::bytes_of(text)));
  REQUIRE((*writer)->finish());
  REQUIRE((*writer)->commit());
}

TEST_CASE("names of dumps say database and time, whatever the database is called") {
  for (const std::string name : {"fence_db", "my\"db 'x", "-dash", ".hidden", "a/b", "20261121T083000Z", "globals",
                                 "x-20261121T083000Z", "\xff\xfe", "größe", "100%", "a.sql", "new\nline"}) {
    for (const bool directory : {false, true}) {
      const std::string key = render_dump_name({name, "20261121T083000Z", directory});
      CAPTURE(key);
      CHECK(storage::check_key(key).has_value());
      for (const std::string& path : {key, "some/prefix/" + key}) {
        const auto parsed = parse_dump_name(path);
        REQUIRE(parsed);
        CHECK(parsed->database == name);
        CHECK(parsed->time == "20261121T083000Z");
        CHECK(parsed->directory == directory);
      }
      CHECK(without_side_suffix(key + ".sha256") == key);
      CHECK(without_side_suffix(key + ".json") == key);
    }
  }
}

TEST_CASE("dumps that others have named are dumps of what they are called, and other files are none") {
  const auto foreign = parse_dump_name("dir/your_database.sql");
  REQUIRE(foreign);
  CHECK(foreign->database == "your_database");
  CHECK(foreign->time.empty());
  CHECK(parse_dump_name("shop.dump")->database == "shop");
  CHECK(parse_dump_name("shop-2026.pgdump")->database == "shop-2026");
  CHECK(parse_dump_name("odd%name.sql")->database == "odd%name");
  for (const std::string key : {"notes.txt", ".sql", "fence.sql.sha256", "fence.sql.json", "fence.tar",
                                "20261121T083000Z.globals.sql", "README"})
    CHECK_FALSE(parse_dump_name(key));
  CHECK(without_side_suffix("package.json") == "package.json");
  CHECK(globals_time(globals_name("20261121T083000Z")) == "20261121T083000Z");
  CHECK_FALSE(globals_time("my.globals.sql"));
}

TEST_CASE("the tar format has a name of its own, and no other tar is taken for a dump") {
  const std::string key = render_dump_name({"fence_db", "20261121T083000Z", false, true});
  CHECK(key == "fence_db-20261121T083000Z.tar");
  const auto parsed = parse_dump_name(key);
  REQUIRE(parsed);
  CHECK(parsed->database == "fence_db");
  CHECK(parsed->tar);
  CHECK_FALSE(parsed->directory);
  CHECK_FALSE(parse_dump_name("uploads.tar"));
}

TEST_CASE("what holds a whole server has names that no database's dump has") {
  using Kind = ServerSetName::Kind;
  for (const auto kind : {Kind::base, Kind::script}) {
    const ServerSetName name{kind, "20261121T083000Z"};
    const std::string key = render_server_set_name(name);
    CAPTURE(key);
    CHECK(storage::check_key(key).has_value());
    CHECK(parse_server_set_name("some/prefix/" + key) == name);
    CHECK(parse_server_set_name(key.substr(0, key.size() - 4)) == name);
    CHECK_FALSE(parse_dump_name(key));
    CHECK_FALSE(parse_dump_name(key.substr(0, key.size() - 4)));
    CHECK(without_side_suffix(key + ".sha256") == key);
    CHECK(without_side_suffix(key + ".json") == key);
  }
  for (const std::string key : {"x-20261121T083000Z.base.tar.zst", "20261121T083000Z.tar.zst", "base.tar", ".all.sql",
                                "20261121T083000Z.globals.sql"})
    CHECK_FALSE(parse_server_set_name(key));
}

TEST_CASE("the record of a base backup says where its tablespaces belong") {
  DumpRecord record{"", "17.5", {}};
  record.tablespaces = {{"fast", 16385, "/srv/a b"}, {"odd", 16390, "/srv/\xff"}};
  const auto read = parse_record(render_record(record));
  REQUIRE(read);
  REQUIRE(read->tablespaces.size() == 2);
  CHECK(read->tablespaces[0].name == "fast");
  CHECK(read->tablespaces[0].oid == 16385);
  CHECK(read->tablespaces[0].location == "/srv/a b");
  CHECK(read->tablespaces[1].location == "/srv/\xff");
}

TEST_CASE("a digest is what sha256sum writes, and nothing else is taken for one") {
  const std::string hex(64, 'a');
  CHECK(render_digest(hex, "prefix/x.sql") == hex + "  x.sql\n");
  CHECK(parse_digest(render_digest(hex, "x.sql")) == hex);
  for (const std::string& bad : {std::string(), hex, hex.substr(1) + "  x", std::string(64, 'g') + "  x"})
    CHECK(parse_digest(bad).error().code() == Errc::corrupt);
}

TEST_CASE("a record comes back as it was") {
  const auto record = parse_record(render_record({"my\"db", "17.5", {{"timescaledb", "2.29.2"}, {"plpgsql", "1.0"}}}));
  REQUIRE(record);
  CHECK(record->database == "my\"db");
  CHECK(record->server_version == "17.5");
  CHECK(record->extensions == sources::Extensions{{"timescaledb", "2.29.2"}, {"plpgsql", "1.0"}});
  CHECK(parse_record(render_record({"\xff", "17.5", {}})).has_value());
  for (const std::string_view bad : {"", "[]", "{}", "{\"database\": 1}"})
    CHECK(parse_record(bad).error().code() == Errc::corrupt);
}

TEST_CASE("a dump is stored with its digest and record beside it") {
  storage::MemoryStorage storage;
  const auto extent = store_dump(storage, "a-20261121T083000Z.sql", DumpRecord{"a", "17.5", {}},
                                 [](stream::ByteSink& out) { return out.write(test::bytes_of("abc")); });
  REQUIRE(extent);
  CHECK(extent->bytes == 3);
  CHECK(contents(storage, "a-20261121T083000Z.sql") == "abc");
  CHECK(contents(storage, "a-20261121T083000Z.sql.sha256") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a-20261121T083000Z.sql\n");
  CHECK(find_digest(storage, "a-20261121T083000Z.sql").value() == extent->sha256);
  REQUIRE(find_record(storage, "a-20261121T083000Z.sql"));
  CHECK((*find_record(storage, "a-20261121T083000Z.sql"))->database == "a");
  CHECK_FALSE(find_digest(storage, "b.sql").value().has_value());
}

TEST_CASE("a dump that fails, at whatever step, leaves nothing under any name") {
  for (std::uint64_t k = 1;; ++k) {
    storage::MemoryStorage inner;
    test::Faults faults;
    faults.fail_at = k;
    test::FaultyStorage storage(inner, faults);
    const auto stored = store_dump(storage, "a-20261121T083000Z.sql", DumpRecord{"a", "17.5", {}},
                                   [](stream::ByteSink& out) { return out.write(test::bytes_of("abc")); });
    if (!storage.failed()) {
      CHECK(stored);
      break;
    }
    CAPTURE(k);
    CHECK_FALSE(stored);
    CHECK(keys(inner).empty());
  }
}

TEST_CASE("what another run has stored stays when a dump finds its name taken") {
  storage::MemoryStorage storage;
  put(storage, "a-20261121T083000Z.sql.sha256", "theirs");
  const auto stored = store_dump(storage, "a-20261121T083000Z.sql", DumpRecord{"a", "17.5", {}},
                                 [](stream::ByteSink& out) { return out.write(test::bytes_of("abc")); });
  REQUIRE_FALSE(stored);
  CHECK(stored.error().code() == Errc::exists);
  CHECK(keys(storage) == std::vector<std::string>{"a-20261121T083000Z.sql.sha256"});
  CHECK(contents(storage, "a-20261121T083000Z.sql.sha256") == "theirs");
}

TEST_CASE("a dump that was there without a digest stays, and gets none that is another's") {
  for (const std::string name : {"a-20261121T083000Z.sql.json", "a-20261121T083000Z.sql"}) {
    storage::MemoryStorage storage;
    const auto stored =
        store_dump(storage, "a-20261121T083000Z.sql", DumpRecord{"a", "17.5", {}}, [&](stream::ByteSink& out) {
          put(storage, name, "theirs");
          return out.write(test::bytes_of("abc"));
        });
    REQUIRE_FALSE(stored);
    CHECK(stored.error().code() == Errc::exists);
    CHECK(keys(storage) == std::vector<std::string>{name});
    CHECK(contents(storage, name) == "theirs");
  }
}

TEST_CASE("dumps are listed by database, the newest last") {
  storage::MemoryStorage storage;
  for (const std::string key : {"b-20261121T083000Z.sql", "a-20261122T083000Z.dir.tar", "a-20261121T083000Z.sql",
                                "a.sql", "a-20261121T083000Z.sql.sha256", "20261121T083000Z.globals.sql", "x.txt"})
    put(storage, key);
  const auto all = list_dumps(storage, {});
  REQUIRE(all);
  std::vector<std::string> listed;
  for (const StoredDump& dump : *all) listed.push_back(dump.key);
  CHECK(listed == std::vector<std::string>{"a.sql", "a-20261121T083000Z.sql", "a-20261122T083000Z.dir.tar",
                                           "b-20261121T083000Z.sql"});
  const auto some = list_dumps(storage, {"nothing", "b*"});
  REQUIRE(some);
  REQUIRE(some->size() == 1);
  CHECK(some->front().name.database == "b");
}

TEST_CASE("what holds a whole server is listed by itself, the newest last") {
  storage::MemoryStorage storage;
  for (const std::string key :
       {"20261122T083000Z.base.tar.zst", "20261121T083000Z.base.tar", "20261121T083000Z.all.sql.zst",
        "20261121T083000Z.base.tar.sha256", "a-20261121T083000Z.sql", "20261121T083000Z.globals.sql"})
    put(storage, key);
  const auto all = list_server_sets(storage);
  REQUIRE(all);
  std::vector<std::string> listed;
  for (const StoredServerSet& set : *all) listed.push_back(set.key);
  CHECK(listed == std::vector<std::string>{"20261121T083000Z.all.sql.zst", "20261121T083000Z.base.tar",
                                           "20261122T083000Z.base.tar.zst"});
  CHECK(all->front().name.kind == ServerSetName::Kind::script);
  CHECK(all->back().name.kind == ServerSetName::Kind::base);
}

TEST_CASE("what lies further down belongs to another server") {
  storage::MemoryStorage storage;
  put(storage, "other/b-20261121T083000Z.sql");
  put(storage, "third/b-20261121T083000Z.sql");
  const auto none = list_dumps(storage, {});
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Errc::not_found);
  CHECK(none.error().message().contains("which has other/, third/"));
  CHECK(none.error().hint().ends_with("/other"));
  put(storage, "a-20261121T083000Z.sql");
  const auto dumps = list_dumps(storage, {});
  REQUIRE(dumps);
  REQUIRE(dumps->size() == 1);
  CHECK(dumps->front().key == "a-20261121T083000Z.sql");
}

}  // namespace
}  // namespace davit::app
