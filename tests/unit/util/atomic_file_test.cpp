#include "util/atomic_file.hpp"

#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>

#include "support/streams.hpp"
#include "support/temporary_directory.hpp"

using namespace davit;
using test::bytes_of;
using test::read_file;

namespace {

std::size_t entries(const test::TemporaryDirectory& directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory.path()), std::filesystem::directory_iterator()));
}

}  // namespace

TEST_CASE("a committed file stands under its name, alone and private") {
  const test::TemporaryDirectory directory;
  const auto path = directory / "manifest.json";
  auto file = AtomicFile::create(path);
  REQUIRE(file);
  REQUIRE(file->write(bytes_of("one ")));
  REQUIRE(file->write(bytes_of("two")));
  CHECK_FALSE(std::filesystem::exists(path));
  REQUIRE(file->commit());
  CHECK(read_file(path) == "one two");
  CHECK(entries(directory) == 1);
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE("without commit nothing stays behind, and the old contents stand") {
  const test::TemporaryDirectory directory;
  const auto path = directory / "state";
  test::write_file(path, "old");
  {
    auto file = AtomicFile::create(path);
    REQUIRE(file);
    REQUIRE(file->write(bytes_of("new")));
  }
  CHECK(read_file(path) == "old");
  CHECK(entries(directory) == 1);
}

TEST_CASE("commit replaces, unless told not to") {
  const test::TemporaryDirectory directory;
  const auto path = directory / "state";
  test::write_file(path, "old");
  {
    auto file = AtomicFile::create(path);
    REQUIRE(file);
    REQUIRE(file->write(bytes_of("new")));
    const auto committed = file->commit(false);
    REQUIRE_FALSE(committed);
    CHECK(committed.error().code() == Errc::exists);
  }
  CHECK(read_file(path) == "old");
  CHECK(entries(directory) == 1);
  auto file = AtomicFile::create(path);
  REQUIRE(file);
  REQUIRE(file->write(bytes_of("new")));
  REQUIRE(file->commit(true));
  CHECK(read_file(path) == "new");
  auto fresh = AtomicFile::create(directory / "fresh");
  REQUIRE(fresh);
  REQUIRE(fresh->commit(false));
  CHECK(read_file(directory / "fresh").empty());
}

TEST_CASE("a moved file is committed once, by its new owner") {
  const test::TemporaryDirectory directory;
  auto first = AtomicFile::create(directory / "a");
  auto second = AtomicFile::create(directory / "b");
  REQUIRE(first);
  REQUIRE(second);
  REQUIRE(first->write(bytes_of("a")));
  {
    AtomicFile moved = std::move(*first);
    *second = std::move(moved);
    // What `second` held is dropped with `moved`.
  }
  CHECK(entries(directory) == 1);
  REQUIRE(second->commit());
  CHECK(read_file(directory / "a") == "a");
  CHECK(entries(directory) == 1);
}

TEST_CASE("a name of the greatest length works, a directory that is not there is an error") {
  const test::TemporaryDirectory directory;
  const auto path = directory / std::string(255, 'n');
  auto file = AtomicFile::create(path);
  REQUIRE(file);
  REQUIRE(file->commit());
  CHECK(std::filesystem::exists(path));

  const auto missing = AtomicFile::create(directory / "none" / "file");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == Errc::not_found);
  const auto sync = sync_directory(directory / "none");
  REQUIRE_FALSE(sync);
  CHECK(sync.error().code() == Errc::not_found);
}

TEST_CASE("a commit that fails leaves nothing behind") {
  const test::TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "target");
  {
    auto file = AtomicFile::create(directory / "target");  // no file can be renamed over a directory
    REQUIRE(file);
    REQUIRE_FALSE(file->commit());
  }
  CHECK(std::filesystem::is_directory(directory / "target"));
  CHECK(entries(directory) == 1);
}
