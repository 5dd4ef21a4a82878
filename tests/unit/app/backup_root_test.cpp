#include "app/backup_root.hpp"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "app/own_paths.hpp"
#include "support/helper_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"
#include "support/tree.hpp"

using namespace davit;
using namespace davit::app;
using davit::test::write_file;

namespace {

// The stack "shop" in a directory of its own. davit is a process of the Engine's host, unless `self` names its
// container.
struct Bench {
  test::FakeEngine engine;
  helper::Host host{engine, {}};
  test::QuietRun run;
  test::TemporaryDirectory project;
  std::string self;

  explicit Bench(engine::Labels more = {}) {
    engine::ContainerInfo container;
    container.name = "shop-app-1";
    container.labels = {{"com.docker.compose.project", "shop"},
                        {"com.docker.compose.service", "app"},
                        {"com.docker.compose.project.working_dir", project.path().string()}};
    for (auto& [name, value] : more) container.labels[name] = value;
    engine.add_container(container);
  }
  Result<std::optional<BackupRoot>> find(const std::string& stack = "shop") {
    return find_backup_root(host, self, stack, run.context);
  }
  [[nodiscard]] std::string env() const { return (project / ".env").string(); }
};

}  // namespace

TEST_CASE("BACKUP_ROOT of a stack's .env names the repository, and who says so", "[dotenv]") {
  Bench bench;
  auto found = bench.find();
  REQUIRE(found);
  CHECK_FALSE(*found);
  write_file(bench.env(), "OTHER=1\nBACKUP_ROOT=/srv/backup\n");
  found = bench.find();
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->location == "/srv/backup");
  CHECK((*found)->source == "BACKUP_ROOT of " + bench.env());
  const auto other = bench.find("other");
  REQUIRE(other);
  CHECK_FALSE(*other);
  write_file(bench.env(), "BACKUP_ROOT=./backups\n");
  found = bench.find();
  REQUIRE(found);
  CHECK((*found)->location == (bench.project / "backups").string());
  write_file(bench.env(), "BACKUP_ROOT=s3://bucket/prefix\n");
  found = bench.find();
  REQUIRE(found);
  CHECK((*found)->location == "s3://bucket/prefix");
  write_file(bench.env(), "BACKUP_ROOT=\n");
  found = bench.find();
  REQUIRE(found);
  CHECK_FALSE(*found);
}

TEST_CASE("a BACKUP_ROOT that can't be told is refused by name", "[dotenv]") {
  Bench bench;
  const auto refused = [&](const char* text) {
    write_file(bench.env(), text);
    const auto found = bench.find();
    REQUIRE_FALSE(found);
    CHECK(found.error().code() == Errc::usage);
    CHECK(found.error().hint() == "name the repository with --repository or DAVIT_REPOSITORY");
    return found.error().message();
  };
  const std::string source = "BACKUP_ROOT of " + bench.env();
  CHECK(refused("BACKUP_ROOT=$HOME/b\n") == source + ": it needs the variable HOME, which the file does not set");
  CHECK(refused("BACKUP_ROOT='/srv\n") == source + ": line 1 has a quote without its end");
  CHECK(refused("BACKUP_ROOT=~/b\n").starts_with("repository ~/b (" + source + ") begins with ~"));
}

TEST_CASE("davit's container reads env files through a helper, follows links, and says what it can't read",
          "[dotenv]") {
  test::HelperEngine engine;
  helper::Host host{engine, {.image = {}, .self_container = "davit", .attach_only = true, .program = {}}};
  test::QuietRun run;
  const test::Tree project;
  engine.add_image("busybox");
  engine::ContainerInfo davit;
  davit.name = "davit";
  const std::string self = engine.add_container(davit).value;
  engine::ContainerInfo container;
  container.name = "shop-app-1";
  container.labels = {{"com.docker.compose.project", "shop"},
                      {"com.docker.compose.project.working_dir", project.path().string()}};
  engine.add_container(container);
  const auto find = [&] { return find_backup_root(host, self, "shop", run.context); };
  std::filesystem::create_directory(project / "secrets");
  test::make_file(project / "secrets/env", "BACKUP_ROOT=s3://bucket/prefix\n");
  const auto link_to = [&](const char* target) {
    std::filesystem::remove_all(project / ".env");
    std::filesystem::create_symlink(target, project / ".env");
  };
  for (const char* target : {"secrets/env", "link"}) {
    INFO(target);
    link_to(target);
    if (!std::filesystem::is_symlink(project / "link"))
      std::filesystem::create_symlink("secrets/env", project / "link");
    const auto found = find();
    if (!found) FAIL(found.error().message());
    REQUIRE(*found);
    CHECK((*found)->location == "s3://bucket/prefix");
  }
  for (const char* target : {"gone", "secrets"}) {  // no file, as Compose has it
    INFO(target);
    link_to(target);
    const auto found = find();
    REQUIRE(found);
    CHECK_FALSE(*found);
  }
  const auto refused = [&] {
    const auto found = find();
    REQUIRE_FALSE(found);
    CHECK(found.error().code() == Errc::usage);
    CHECK(found.error().hint() == "name the repository with --repository or DAVIT_REPOSITORY");
    return found.error().message();
  };
  link_to(".env");
  CHECK(refused().contains("too many symbolic links"));
  std::filesystem::remove(project / ".env");
  test::make_file(project / ".env", std::string((4U << 20U) + 4096, '#'));
  CHECK(refused().contains(".env has more than 4 MiB"));
  CHECK(engine.helper_names().empty());
}

TEST_CASE("the env files that Compose was given count, and none else", "[dotenv]") {
  test::TemporaryDirectory files;
  Bench bench({{"com.docker.compose.project.environment_file",
                (files / "one.env").string() + "," + (files / "two.env").string()}});
  write_file(bench.env(), "BACKUP_ROOT=/srv/no\n");
  write_file(files / "one.env", "BASE=/srv\nBACKUP_ROOT=/srv/one\n");
  auto found = bench.find();
  REQUIRE(found);
  CHECK((*found)->location == "/srv/one");
  write_file(files / "two.env", "BACKUP_ROOT=$BASE/two\n");
  found = bench.find();
  REQUIRE(found);
  CHECK((*found)->location == "/srv/two");
  CHECK((*found)->source == "BACKUP_ROOT of " + (files / "two.env").string());
}

TEST_CASE("davit's container sees a path of the host by its mounts, or is told which one it lacks", "[dotenv]") {
  Bench bench;
  engine::ContainerInfo container;
  container.name = "davit";
  container.mounts = {test::bind_mount(bench.project.path().string(), bench.project.path().string()),
                      test::bind_mount("/srv", "/host"), test::bind_mount("/srv/disk", "/disk")};
  bench.self = bench.engine.add_container(container).value;
  const auto here = [&](const char* path) {
    const auto found = path_here(bench.engine, bench.self, path);
    REQUIRE(found);
    return found->value_or("nowhere");
  };
  CHECK(here("/srv/backup") == "/host/backup");
  CHECK(here("/srv/disk") == "/disk");
  CHECK(here("/srv/disk/a/b") == "/disk/a/b");
  CHECK(here("/srvx") == "nowhere");
  write_file(bench.env(), "BACKUP_ROOT=/srv/disk/x\n");
  const auto found = bench.find();
  REQUIRE(found);
  CHECK((*found)->location == "/disk/x");
  write_file(bench.env(), "BACKUP_ROOT=/mnt/x\n");
  const auto refused = bench.find();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() ==
        "repository /mnt/x (BACKUP_ROOT of " + bench.env() + ") is not mounted in davit's container");
  CHECK(refused.error().hint() == "run it with -v /mnt/x:/mnt/x");
}
