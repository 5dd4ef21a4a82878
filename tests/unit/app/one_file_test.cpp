// A backup goes through a file from one repository into another, whole or not at all.

#include "app/one_file.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "storage/memory_storage.hpp"
#include "stream/memory_stream.hpp"
#include "support/faulty_storage.hpp"
#include "support/quiet_run.hpp"
#include "support/small_backup.hpp"
#include "support/storage_access.hpp"
#include "support/streams.hpp"

namespace davit::app {
namespace {

Result<Transferred> import_text(const std::string& file, storage::Storage& storage) {
  test::QuietRun run;
  stream::MemorySource source(file);
  return import_backup(source, "backup.tar", storage, run.context);
}

TEST_CASE("an imported backup is the one that was exported, object for object") {
  const test::SmallBackup backup;
  storage::MemoryStorage from;
  storage::MemoryStorage to;
  backup.put(from);
  test::QuietRun run;
  stream::MemorySink sink;
  const auto exported = export_backup(from, "", backup.id.substr(0, 12), sink, run.context);
  REQUIRE(exported);
  CHECK(exported->entry.key == backup.entry().key);
  CHECK(exported->bytes == sink.contents().size());
  const auto imported = import_text(sink.contents(), to);
  REQUIRE(imported);
  CHECK(imported->entry.id == backup.id);
  CHECK(imported->entry.stack == "shop");
  CHECK(imported->bytes == sink.contents().size());
  CHECK_FALSE(imported->was_there);
  CHECK(test::contents(to) == test::contents(from));
}

TEST_CASE("what there is none of is not exported") {
  storage::MemoryStorage storage;
  test::QuietRun run;
  stream::MemorySink sink;
  CHECK(export_backup(storage, "", "latest", sink, run.context).error().code() == Errc::not_found);
  CHECK(sink.contents().empty());
}

TEST_CASE("a cut or altered file leaves nothing in the repository") {
  const std::string whole = test::SmallBackup{}.exported();
  for (std::size_t at = 0; at < whole.size(); at += 13) {
    storage::MemoryStorage storage;
    INFO(at);
    CHECK(import_text(whole.substr(0, at), storage).error().code() == Errc::corrupt);
    std::string altered = whole;
    altered[at] = static_cast<char>(altered[at] ^ 0x04);
    CHECK(import_text(altered, storage).error().code() == Errc::corrupt);
    CHECK(storage.list("")->empty());
  }
}

TEST_CASE("a backup that is there stays as it is, and its file is read all the same") {
  const test::SmallBackup backup;
  storage::MemoryStorage storage;
  backup.put(storage);
  const auto before = test::contents(storage);
  const auto again = import_text(backup.exported(), storage);
  REQUIRE(again);
  CHECK(again->was_there);
  const std::string whole = backup.exported();
  CHECK(import_text(whole.substr(0, whole.size() - 1), storage).error().code() == Errc::corrupt);
  CHECK(test::contents(storage) == before);
}

TEST_CASE("another backup of the same name, or a damaged one, is not taken for the same") {
  const test::SmallBackup backup;
  test::SmallBackup other;
  other.artefacts.pop_back();
  {
    storage::MemoryStorage storage;
    other.put(storage);
    const auto before = test::contents(storage);
    const auto imported = import_text(backup.exported(), storage);
    REQUIRE_FALSE(imported);
    CHECK(imported.error().code() == Errc::exists);
    CHECK(imported.error().message().ends_with("already, with another manifest"));
    CHECK(test::contents(storage) == before);
  }
  storage::MemoryStorage storage;
  backup.put(storage);
  const std::string key = backup.entry().key + "/stack/definition.json";
  std::string flipped = test::contents(storage).at(key);
  REQUIRE(storage.remove(key));
  flipped.back() = static_cast<char>(flipped.back() ^ 0x04);
  REQUIRE(test::put(storage, key, flipped));
  CHECK(
      import_text(backup.exported(), storage).error().message().ends_with("stack/definition.json has other contents"));
  REQUIRE(storage.remove(key));
  CHECK(import_text(backup.exported(), storage).error().message().ends_with("stack/definition.json is missing"));
  REQUIRE(test::put(storage, key, "short"));
  const auto imported = import_text(backup.exported(), storage);
  REQUIRE_FALSE(imported);
  CHECK(imported.error().code() == Errc::exists);
  CHECK(imported.error().message().ends_with("stack/definition.json has another length"));
}

TEST_CASE("an import whose k-th operation fails leaves nothing, for every k") {
  const bool dead_after = GENERATE(false, true);
  const test::SmallBackup backup;
  const std::string file = backup.exported();
  std::uint64_t k = 0;
  for (bool failed = true; failed;) {
    test::Faults faults;
    faults.fail_at = ++k;
    faults.dead_after = dead_after;
    INFO("operation " << k << (dead_after ? ", and all after it" : ""));
    storage::MemoryStorage inner;
    bool imported = false;
    {
      test::FaultyStorage storage(inner, faults);
      imported = import_text(file, storage).has_value();
      failed = storage.failed();
    }
    CHECK(imported == !failed);
    CHECK(inner.list("")->size() == (imported ? 5U : 0U));
  }
  CHECK(k > 15);
}

TEST_CASE("an import stops when its file can't be read on, and when it is told to") {
  const std::string file = test::SmallBackup{}.exported();
  storage::MemoryStorage storage;
  test::QuietRun run;
  test::FailingSource broken(file, file.size() / 2);
  CHECK(import_backup(broken, "backup.tar", storage, run.context).error().code() == Errc::unavailable);
  run.stop.request_stop();
  stream::MemorySource source(file);
  CHECK(import_backup(source, "backup.tar", storage, run.context).error().code() == Errc::cancelled);
  CHECK(storage.list("")->empty());
}

}  // namespace
}  // namespace davit::app
