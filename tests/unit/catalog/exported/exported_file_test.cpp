#include "catalog/exported/exported_file.hpp"

#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "storage/memory_storage.hpp"
#include "support/quiet_run.hpp"
#include "support/small_backup.hpp"
#include "support/storage_access.hpp"
#include "support/temporary_directory.hpp"

namespace davit::catalog::exported {
namespace {

struct Fixture {
  test::TemporaryDirectory directory;
  test::SmallBackup backup;
  test::QuietRun run;
  std::filesystem::path path = directory / "backup.tar";
  Result<std::unique_ptr<ExportedFile>> open() { return ExportedFile::open(path, run.context); }
  Error refused() {
    auto opened = open();
    REQUIRE_FALSE(opened);
    return std::move(opened).error();
  }
};

TEST_CASE("an exported file is a repository that holds one backup") {
  Fixture fixture;
  test::write_file(fixture.path, fixture.backup.exported());
  const auto file = fixture.open().value();
  storage::MemoryStorage original;
  fixture.backup.put(original);
  CHECK(test::contents(*file) == test::contents(original));
  CHECK(file->describe() == fixture.path);
  CHECK(find(*file, "", "latest")->key == fixture.backup.entry().key);
  CHECK(find(*file, "other", "latest").error().code() == Errc::not_found);
  CHECK(load(*file, file->entry())->items.size() == 1);
  const std::string key = fixture.backup.entry().key + "/volumes/uploads.tar.zst";
  CHECK(file->stat(key)->bytes == 513);
  CHECK(test::get(*file, key, 510) == "uuu");
  CHECK(test::get(*file, key, 513) == "");
  CHECK(file->open(key, 514).error().code() == Errc::usage);
  CHECK(file->stat(fixture.backup.entry().key + "/SHA256SUMS").error().code() == Errc::not_found);
  CHECK(file->open("nothing").error().code() == Errc::not_found);
  CHECK(file->list("backups/other/")->empty());
}

TEST_CASE("a cut or altered file is never opened") {
  Fixture fixture;
  const std::string whole = fixture.backup.exported();
  for (std::size_t at = 0; at < whole.size(); at += 97) {
    test::write_file(fixture.path, whole.substr(0, at));
    CHECK(fixture.refused().code() == Errc::corrupt);
    std::string altered = whole;
    altered[at] = static_cast<char>(altered[at] ^ 0x20);
    test::write_file(fixture.path, altered);
    CHECK(fixture.refused().code() == Errc::corrupt);
  }
  test::write_file(fixture.path, whole + "x");
  CHECK(fixture.refused().code() == Errc::corrupt);
}

TEST_CASE("what is no regular file is refused at once") {
  Fixture fixture;
  CHECK(fixture.refused().code() == Errc::not_found);
  REQUIRE(::mkfifo(fixture.path.c_str(), 0600) == 0);
  CHECK(fixture.refused().hint().contains("davit import -"));
  std::filesystem::remove(fixture.path);
  std::filesystem::create_directory(fixture.path);
  CHECK(fixture.refused().message().ends_with("it is a directory"));
}

TEST_CASE("a file that was written to after it was verified is not read on") {
  Fixture fixture;
  const std::string whole = fixture.backup.exported();
  test::write_file(fixture.path, whole);
  const auto file = fixture.open().value();
  const std::string key = fixture.backup.entry().key + "/volumes/uploads.tar.zst";
  auto begun = file->open(key).value();
  std::filesystem::resize_file(fixture.path, whole.size() + 1);
  CHECK(file->open(key).error().message().ends_with("was changed while it was read"));
  CHECK_FALSE(stream::read_all(*begun, 1000));
  std::filesystem::resize_file(fixture.path, 1024);
  std::string rest(600, ' ');
  CHECK_FALSE(test::get(*file, key));
}

TEST_CASE("reading a file stops when it is told to") {
  Fixture fixture;
  test::write_file(fixture.path, fixture.backup.exported());
  fixture.run.stop.request_stop();
  CHECK(fixture.refused().code() == Errc::cancelled);
}

}  // namespace
}  // namespace davit::catalog::exported
