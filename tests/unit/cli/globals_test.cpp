#include "cli/globals.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "support/temporary_directory.hpp"

namespace davit::cli {
namespace {

namespace fs = std::filesystem;

// A repository with what a dead run had staged.
struct Fixture {
  test::TemporaryDirectory directory;
  Globals globals;
  fs::path staged = directory / ".current/dead/volumes/a";

  Fixture() {
    globals.quiet = true;
    globals.repository = directory.path();
    // Nobody answers there.
    globals.environment = Environment({{"DOCKER_HOST", "unix://" + (directory / "no.sock").string()}});
    fs::create_directories(staged.parent_path());
    test::write_file(staged, "12345");
  }
};

TEST_CASE("a command that only reads clears away what dead runs have staged, and needs no Engine for it") {
  Fixture fixture;
  Workbench bench(fixture.globals);
  REQUIRE(bench.storage(Workbench::Use::read));
  REQUIRE(bench.sweep());
  CHECK(fs::is_empty(fixture.directory / ".current"));
}

TEST_CASE("a repository that can't be written to keeps nobody from reading it") {
  Fixture fixture;
  const bool root = ::geteuid() == 0;
  const std::string current = fixture.directory / ".current";
  fs::permissions(fixture.directory.path(), fs::perms(0755));
  fs::permissions(current, fs::perms(0755));
  if (root) REQUIRE(::seteuid(65534) == 0);
  if (!root) fs::permissions(current, fs::perms(0555));
  Workbench bench(fixture.globals);
  const auto swept = bench.sweep();
  if (root) REQUIRE(::seteuid(0) == 0);
  if (!root) fs::permissions(current, fs::perms(0755));
  CHECK(swept);
  CHECK(test::read_file(fixture.staged) == "12345");
}

TEST_CASE("without a repository there is nothing to sweep") {
  Fixture fixture;
  fixture.globals.repository.clear();
  Workbench bench(fixture.globals);
  bench.sweep_repository();
  CHECK(test::read_file(fixture.staged) == "12345");
}

TEST_CASE("a time to wait for the lock that is none says where it stands") {
  Fixture fixture;
  Workbench bench(fixture.globals);
  const auto guards = bench.guards("backup", "soon");
  REQUIRE_FALSE(guards);
  CHECK(guards.error().code() == Errc::usage);
  CHECK(guards.error().message() == "--lock-wait: not a duration: 'soon'");
}

}  // namespace
}  // namespace davit::cli
