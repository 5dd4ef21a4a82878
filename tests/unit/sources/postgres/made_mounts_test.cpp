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

TEST_CASE("of missing volumes only those of the project and that of the data are made") {
  Site site;
  const engine::ContainerInfo db =
      test::make_container({.service = "db",
                            .mounts = {test::volume_mount("data", "/var/lib/postgresql/data"),
                                       test::volume_mount("shop_wal", "/wal"), test::volume_mount("tls", "/tls")}});
  const Stack stack =
      test::make_stack({.containers = {db},
                        .volumes = {test::make_volume_info("data", ""), test::make_volume_info("tls", ""),
                                    test::make_volume_info("shop_wal", "wal")}});
  Target target;
  target.recorded = &stack;
  MadeMounts mounts(site.host, &site.journal);
  const auto& container = stack.services[0].containers[0];
  const auto refused = mounts.make(container, target, site.run.context);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::not_found);
  CHECK(refused.error().message().contains("volume tls, which shop-db-1 mounts and which isn't the stack's"));
  REQUIRE(mounts.remove(site.run.context));
  CHECK(site.engine.volume_names().empty());
  site.engine.add_volume("tls");
  REQUIRE(mounts.make(container, target, site.run.context));
  CHECK(site.engine.volume_names() == std::vector<std::string>{"data", "shop_wal", "tls"});
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
