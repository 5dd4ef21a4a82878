#include "app/pg/transfer.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "app/pg/dump_set.hpp"
#include "storage/memory_storage.hpp"
#include "stream/memory_stream.hpp"
#include "support/faulty_storage.hpp"
#include "support/quiet_run.hpp"
#include "support/streams.hpp"

namespace davit::app {
namespace {

using Keys = std::vector<std::string>;

void put(storage::Storage& storage, const std::string& key, std::string_view text) {
  auto writer = storage.create(key);
  REQUIRE(writer);
  REQUIRE((*writer)->write(test::bytes_of(text)));
  REQUIRE((*writer)->finish());
  REQUIRE((*writer)->commit());
}

void put_dump(storage::Storage& storage, const std::string& key, std::string_view text) {
  REQUIRE(store_dump(storage, key, DumpRecord{"x", "17.5", {}},
                     [&](stream::ByteSink& out) { return out.write(test::bytes_of(text)); }));
}

Keys keys(const storage::Storage& storage) {
  Keys keys;
  const auto listed = storage.list("").value();
  for (const auto& object : listed) keys.push_back(object.key);
  return keys;
}

std::string text(const storage::Storage& storage, const std::string& key) {
  auto source = storage.open(key);
  REQUIRE(source);
  return stream::read_all(**source, 1 << 24).value();
}

struct Fixture {
  storage::MemoryStorage from;
  storage::MemoryStorage to;
  test::QuietRun run;
  Result<TransferReport> transfer(const TransferOptions& options = {}) {
    return transfer_dumps(from, to, options, run.context);
  }
};

TEST_CASE("everything is copied, whatever it is, and a second time nothing is") {
  Fixture fixture;
  put_dump(fixture.from, "a-20261121T083000Z.sql", test::noise(1'000'000));
  put_dump(fixture.from, "20261121T083000Z.globals.sql", "CREATE ROLE a;");
  put(fixture.from, "your_database.sql", "PGDMP");
  put(fixture.from, "empty.bin", "");
  const auto first = fixture.transfer();
  REQUIRE(first);
  CHECK(first->moved.size() == 8);
  CHECK(first->present == 0);
  CHECK(keys(fixture.to) == keys(fixture.from));
  for (const std::string& key : keys(fixture.from)) CHECK(text(fixture.to, key) == text(fixture.from, key));
  const auto second = fixture.transfer();
  REQUIRE(second);
  CHECK(second->moved.empty());
  CHECK(second->present == 8);
}

TEST_CASE("dumps of one database come with what belongs to them") {
  Fixture fixture;
  for (const std::string key :
       {"a-20261121T083000Z.sql", "b-20261121T083000Z.sql", "a-20261122T083000Z.sql", "20261121T083000Z.globals.sql",
        "20261122T083000Z.globals.sql", "20261123T083000Z.globals.sql"})
    put_dump(fixture.from, key, key);
  REQUIRE(fixture.transfer({.databases = {"b"}}));
  CHECK(keys(fixture.to) == Keys{"20261121T083000Z.globals.sql", "20261121T083000Z.globals.sql.json",
                                 "20261121T083000Z.globals.sql.sha256", "b-20261121T083000Z.sql",
                                 "b-20261121T083000Z.sql.json", "b-20261121T083000Z.sql.sha256"});
  REQUIRE(fixture.transfer({.keys = {"a-20261122T083000Z.sql"}}));
  CHECK(std::ranges::contains(keys(fixture.to), "a-20261122T083000Z.sql.sha256"));
  CHECK(std::ranges::contains(keys(fixture.to), "20261122T083000Z.globals.sql"));
  CHECK_FALSE(std::ranges::contains(keys(fixture.to), "a-20261121T083000Z.sql"));
  CHECK(fixture.transfer({.databases = {"c"}}).error().code() == Errc::not_found);
}

TEST_CASE("nothing to copy is not found") {
  Fixture fixture;
  CHECK(fixture.transfer().error().code() == Errc::not_found);
}

TEST_CASE("a dump that is not what its digest says is not stored") {
  Fixture fixture;
  put(fixture.from, "a.sql.sha256", render_digest(std::string(64, '0'), "a.sql"));
  put(fixture.from, "a.sql", "PGDMP altered");
  const auto copied = fixture.transfer();
  REQUIRE_FALSE(copied);
  CHECK(copied.error().code() == Errc::corrupt);
  CHECK_FALSE(fixture.to.stat("a.sql"));
}

TEST_CASE("what is there with other contents is an error, and stays") {
  for (const std::string theirs : {"other", "longer than ours"}) {
    Fixture fixture;
    put(fixture.from, "a.sql", "PGDMP");
    put(fixture.to, "a.sql", theirs);
    const auto copied = fixture.transfer();
    REQUIRE_FALSE(copied);
    CHECK(copied.error().code() == Errc::exists);
    CHECK(text(fixture.to, "a.sql") == theirs);
  }
}

TEST_CASE("a transfer that is cut off anywhere leaves whole objects, and is completed by the next") {
  for (const bool reading : {false, true}) {
    for (std::uint64_t k = 1;; ++k) {
      CAPTURE(reading, k);
      Fixture fixture;
      put_dump(fixture.from, "a-20261121T083000Z.sql", "rows");
      put_dump(fixture.from, "b-20261121T083000Z.sql", "more rows");
      test::Faults faults;
      faults.fail_at = k;
      test::FaultyStorage from(fixture.from, reading ? faults : test::Faults());
      test::FaultyStorage to(fixture.to, reading ? test::Faults() : faults);
      const auto copied = transfer_dumps(from, to, {}, fixture.run.context);
      const bool failed = reading ? from.failed() : to.failed();
      CHECK(copied.has_value() == !failed);
      for (const std::string& key : keys(fixture.to)) {
        CHECK(text(fixture.to, key) == text(fixture.from, key));
        if (parse_dump_name(key)) CHECK(fixture.to.stat(key + ".sha256").has_value());
      }
      REQUIRE(fixture.transfer());
      CHECK(keys(fixture.to) == keys(fixture.from));
      if (!failed) break;
    }
  }
}

TEST_CASE("what is there already is held against its digest on the side that is near") {
  using Near = TransferOptions::Near;
  for (const Near near : {Near::from, Near::to}) {
    Fixture fixture;
    put_dump(fixture.from, "a-20261121T083000Z.sql", "PGDMP one");
    REQUIRE(fixture.transfer());
    storage::MemoryStorage& rotten = near == Near::from ? fixture.from : fixture.to;
    REQUIRE(rotten.remove("a-20261121T083000Z.sql"));
    put(rotten, "a-20261121T083000Z.sql", "PGDMP two");
    const auto again = fixture.transfer({.near = near});
    REQUIRE_FALSE(again);
    CHECK(again.error().code() == Errc::corrupt);
    CHECK(again.error().message().starts_with("a-20261121T083000Z.sql in "));
  }
}

}  // namespace
}  // namespace davit::app
