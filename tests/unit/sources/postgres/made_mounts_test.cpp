#include "sources/postgres/made_mounts.hpp"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "support/helper_engine.hpp"
#include "support/memory_journal.hpp"
#include "support/quiet_run.hpp"
#include "support/stack.hpp"
#include "support/tree.hpp"

namespace davit::sources {
namespace {

namespace fs = std::filesystem;

struct Site {
  Site() {
    engine.add_image("busybox");
    engine::ContainerInfo self;
    self.name = "davit";
    engine.add_container(self);
  }
  test::HelperEngine engine;
  helper::Host host{engine, {.image = {}, .self_container = "davit", .attach_only = true, .program = {}}};
  test::QuietRun run;
  test::MemoryJournal journal;
  test::Tree tree;
  const fs::path own = tree.path() / "backup root" / ".db";
  const engine::ContainerInfo db =
      test::make_container({.service = "db",
                            .mounts = {test::bind_mount(own.string(), "/mnt/backup"),
                                       test::bind_mount((tree.path() / "media").string(), "/media")}});
};

TEST_CASE("davit's own directory is made for a container where it is missing, with those above it") {
  Site site;
  MadeMounts mounts(site.host, &site.journal);
  REQUIRE(mounts.make(site.db, {}, site.run.context));
  CHECK(fs::is_directory(site.own));
  CHECK_FALSE(fs::exists(site.tree / "media"));  // the user's: never made by a restore
  CHECK(site.journal.entries().size() == 1);

  SECTION("they go if nothing has come into them") {
    REQUIRE(mounts.release_directories(site.run.context));
    CHECK(fs::is_empty(site.tree.path()));
  }
  SECTION("they stay with what has come into them") {
    test::make_file(site.own / "file", "x");
    REQUIRE(mounts.release_directories(site.run.context));
    CHECK(fs::exists(site.own / "file"));
  }
  SECTION("they go with a restore that fails") {
    REQUIRE(mounts.remove(site.run.context));
    CHECK(fs::is_empty(site.tree.path()));
  }
  CHECK(site.journal.entries().empty());
  CHECK(site.engine.helper_names().empty());
}

TEST_CASE("a directory that is there is left alone") {
  Site site;
  fs::create_directories(site.own);
  MadeMounts mounts(site.host, &site.journal);
  REQUIRE(mounts.make(site.db, {}, site.run.context));
  CHECK(site.journal.entries().empty());
  REQUIRE(mounts.release_directories(site.run.context));
  CHECK(fs::is_directory(site.own));
}

}  // namespace
}  // namespace davit::sources
