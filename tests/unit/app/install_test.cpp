#include "app/install.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <thread>
#include <vector>

#include "support/temporary_directory.hpp"
#include "util/unique_fd.hpp"

namespace davit::app {
namespace {

namespace fs = std::filesystem;

bool is_this_program(const fs::path& path) { return test::read_file(path) == test::read_file("/proc/self/exe"); }

std::size_t entries(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

TEST_CASE("the program is put into a directory, with its second name, and only once") {
  const test::TemporaryDirectory directory;
  const std::string place = directory / "opt";
  const auto first = install_program(place);
  REQUIRE(first);
  CHECK(first->changed);
  CHECK(first->path == place + "/davit");
  CHECK(is_this_program(place + "/davit"));
  CHECK(fs::read_symlink(place + "/bak") == "davit");
  struct stat before{};
  REQUIRE(::stat((place + "/davit").c_str(), &before) == 0);
  CHECK((before.st_mode & 07777U) == 0755);

  const auto again = install_program(place + "/");
  REQUIRE(again);
  CHECK_FALSE(again->changed);
  struct stat after{};
  REQUIRE(::stat((place + "/davit").c_str(), &after) == 0);
  CHECK(after.st_ino == before.st_ino);
  CHECK(entries(place) == 2);
}

TEST_CASE("what a killed install has left is cleared away, and what another one is writing stays") {
  const test::TemporaryDirectory directory;
  const fs::path& place = directory.path();
  test::write_file(place / ".davit-new-000000000000", "half");
  fs::create_symlink("davit", place / ".davit-new-111111111111");
  test::write_file(place / ".davit-new-222222222222", "alive");
  test::write_file(place / "davit-new-3", "somebody's");
  fs::create_directory(place / ".davit-new-444444444444");
  const UniqueFd alive(::open((place / ".davit-new-222222222222").c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(::flock(alive.get(), LOCK_EX) == 0);
  REQUIRE(install_program(place));
  CHECK(is_this_program(place / "davit"));
  CHECK(entries(place) == 5);
  CHECK(test::read_file(place / ".davit-new-222222222222") == "alive");
  CHECK(fs::exists(place / "davit-new-3"));
  CHECK(fs::exists(place / ".davit-new-444444444444"));
}

TEST_CASE("several at once put the program there") {
  const test::TemporaryDirectory directory;
  const fs::path& place = directory.path();
  std::vector<Result<Installed>> installed(4, fail(Errc::bug, "not run"));
  {
    std::vector<std::jthread> threads;
    for (auto& each : installed) threads.emplace_back([&each, &place] { each = install_program(place); });
  }
  for (const auto& each : installed) CHECK(each.has_value());
  CHECK(is_this_program(place / "davit"));
  CHECK(fs::read_symlink(place / "bak") == "davit");
  CHECK(entries(place) == 2);
}

TEST_CASE("whatever else bears its names is replaced in one step") {
  const test::TemporaryDirectory directory;
  const fs::path& place = directory.path();
  REQUIRE(install_program(place));
  const auto check = [&] {
    const auto installed = install_program(place);
    REQUIRE(installed);
    CHECK(installed->changed);
    CHECK(is_this_program(place / "davit"));
    CHECK(fs::symlink_status(place / "davit").type() == fs::file_type::regular);
    CHECK(fs::read_symlink(place / "bak") == "davit");
    CHECK(entries(place) == 2);
  };
  test::write_file(place / "davit", "an older one");
  check();
  fs::resize_file(place / "davit", fs::file_size(place / "davit") - 1);
  check();
  fs::permissions(place / "davit", fs::perms::owner_all);
  check();
  fs::remove(place / "davit");
  fs::create_symlink("/bin/true", place / "davit");
  check();
  fs::remove(place / "bak");
  test::write_file(place / "bak", "something");
  check();
}

TEST_CASE("a directory in its way, or none to put it into, is an error that leaves nothing behind") {
  const test::TemporaryDirectory directory;
  fs::create_directory(directory / "davit");
  const auto installed = install_program(directory.path());
  REQUIRE_FALSE(installed);
  CHECK(installed.error().code() == Errc::exists);
  CHECK(entries(directory.path()) == 1);
  CHECK(install_program(directory / "none" / "below").error().code() == Errc::not_found);
  test::write_file(directory / "file", "");
  CHECK_FALSE(install_program(directory / "file"));
}

}  // namespace
}  // namespace davit::app
