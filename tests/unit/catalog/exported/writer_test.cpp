#include "catalog/exported/writer.hpp"

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <format>

#include "storage/memory_storage.hpp"
#include "stream/memory_stream.hpp"
#include "support/faulty_storage.hpp"
#include "support/quiet_run.hpp"
#include "support/small_backup.hpp"
#include "support/storage_access.hpp"
#include "support/streams.hpp"
#include "support/tar.hpp"
#include "support/temporary_directory.hpp"

namespace davit::catalog::exported {
namespace {

struct Fixture {
  test::SmallBackup backup;
  storage::MemoryStorage storage;
  test::QuietRun run;
  stream::MemorySink sink;
  Fixture() { backup.put(storage); }
  Result<std::uint64_t> write(const storage::StorageReader& from) {
    return exported::write(from, backup.entry(), sink, run.context);
  }
};

TEST_CASE("the same backup gives the same bytes, whose number is told") {
  Fixture fixture;
  const std::uint64_t bytes = fixture.write(fixture.storage).value();
  CHECK(bytes == fixture.sink.contents().size());
  CHECK(fixture.sink.finished());
  CHECK(fixture.sink.contents() == fixture.backup.exported());
}

TEST_CASE("an exported file is a tar of private files of the time of the backup") {
  const test::SmallBackup backup;
  const auto tar = test::read_tar(backup.exported());
  REQUIRE(tar);
  CHECK(tar->findings.empty());
  std::vector<std::string> names;
  for (const test::TarMember& member : tar->members) {
    names.push_back(member.entry.path);
    CHECK(member.entry.type == stream::TarType::file);
    CHECK(member.entry.mode == 0600);
    CHECK(member.entry.uid == 0);
    CHECK(member.entry.gid == 0);
    CHECK(member.entry.mtime_ns ==
          std::chrono::floor<std::chrono::seconds>(backup.manifest().finished).time_since_epoch().count() *
              1'000'000'000);
  }
  const std::string below = "shop/20261121T083000Z-4f2a/";
  CHECK(names == std::vector{below + "manifest.json", below + "RESTORE.md", below + "volumes/uploads.tar.zst",
                             below + "db/db/empty.dump", below + "stack/definition.json", below + "SHA256SUMS"});
}

TEST_CASE("tar unpacks an exported file, and sha256sum finds it whole") {
  test::SmallBackup backup;
  backup.artefacts.emplace_back("odd/new\nline\\and\r" + std::string(150, 'n'), "2");
  const test::TemporaryDirectory directory;
  test::write_file(directory / "backup.tar", backup.exported());
  const std::string command = std::format(
      "cd '{}' && tar -xf backup.tar && cd shop/20261121T083000Z-4f2a && sha256sum --quiet --strict -c SHA256SUMS",
      directory.path().string());
  CHECK(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c): of this test's own words
  CHECK(test::read_file(directory / "shop/20261121T083000Z-4f2a" / backup.artefacts.back().first) == "2");
}

TEST_CASE("a damaged artefact is corrupt, and the file has no end") {
  const test::SmallBackup backup;
  for (const auto& [path, bytes] : backup.artefacts) {
    if (bytes.empty()) continue;
    Fixture fixture;
    const std::string key = backup.entry().key + "/" + path;
    REQUIRE(fixture.storage.remove(key));
    const auto missing = fixture.write(fixture.storage);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code() == Errc::corrupt);
    CHECK(missing.error().message() == "backup 20261121T083000Z-4f2a: " + path + " is missing");
    CHECK(fixture.sink.contents().empty());

    REQUIRE(test::put(fixture.storage, key, bytes.substr(1)));
    const auto shorter = fixture.write(fixture.storage);
    REQUIRE_FALSE(shorter);
    CHECK(shorter.error().message().ends_with(
        std::format("{} has {} bytes instead of {}", path, bytes.size() - 1, bytes.size())));
    CHECK(fixture.sink.contents().empty());

    REQUIRE(fixture.storage.remove(key));
    REQUIRE(test::put(fixture.storage, key, "x" + bytes.substr(1)));
    const auto altered = fixture.write(fixture.storage);
    REQUIRE_FALSE(altered);
    CHECK(altered.error().code() == Errc::corrupt);
    CHECK(altered.error().message().contains(path + " is not what it was: SHA-256 "));
    CHECK_FALSE(fixture.sink.finished());
  }
}

TEST_CASE("a backup that rests on another one is not exported") {
  Fixture fixture;
  Manifest manifest = fixture.backup.manifest();
  manifest.items[0].artefacts[0].base = "20261120T083000Z-4f2a/volumes/uploads.tar.zst";
  REQUIRE(fixture.storage.remove(fixture.backup.entry().key + "/manifest.json"));
  REQUIRE(test::put(fixture.storage, fixture.backup.entry().key + "/manifest.json", render_manifest(manifest).value()));
  CHECK(fixture.write(fixture.storage).error().code() == Errc::usage);
}

TEST_CASE("an export whose k-th operation fails is not finished, for every k") {
  Fixture whole;
  std::uint64_t k = 0;
  for (bool failed = true; failed;) {
    Fixture fixture;
    test::Faults faults;
    faults.fail_at = ++k;
    const test::FaultyStorage storage(fixture.storage, faults);
    const auto written = fixture.write(storage);
    failed = storage.failed();
    INFO("operation " << k);
    CHECK(written.has_value() == !failed);
    CHECK(fixture.sink.finished() == !failed);
    if (failed) CHECK(written.error().code() == Errc::unavailable);
  }
  CHECK(k > 15);
}

TEST_CASE("an export stops when its sink fails, and when it is told to") {
  Fixture fixture;
  test::FailingSink full(1);
  CHECK_FALSE(exported::write(fixture.storage, fixture.backup.entry(), full, fixture.run.context));
  CHECK(full.calls_after_failure() == 0);
  fixture.run.stop.request_stop();
  CHECK(fixture.write(fixture.storage).error().code() == Errc::cancelled);
}

}  // namespace
}  // namespace davit::catalog::exported
