#include "app/restored_places.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/stack.hpp"

using namespace davit;
using model::ItemKind;

namespace {

model::Item item(ItemKind kind, const std::string& name, model::Attributes attributes = {}) {
  model::Item item;
  item.id = {kind, name};
  item.attributes = std::move(attributes);
  return item;
}

// A stack in /srv/shop that goes to /new, with an item of each kind.
app::RestorePlan sample() {
  app::RestorePlan plan;
  plan.project_dir = "/new";
  sources::StackParts parts;
  parts.containers.push_back(
      test::make_container({.service = "db",
                            .mounts = {test::volume_mount("shop_wal", "/wal"), test::volume_mount("tls", "/tls"),
                                       test::bind_mount("/new/pgdata", "/var/lib/postgresql/data"),
                                       test::bind_mount("/etc/ssl", "/etc/ssl")}}));
  parts.volumes = {test::make_volume_info("shop_wal", "wal"), test::make_volume_info("tls", "")};
  plan.recorded = test::make_stack(std::move(parts));
  plan.moved.moves = {{"/srv/shop", "/new"}};
  plan.manifest.needs = {"network edge (external)", "path /srv/shop/site.conf of the host (a symbolic link)"};
  plan.manifest.items.push_back(item(ItemKind::volume, "uploads", {{"volume", "shop_uploads"}}));
  plan.manifest.items.push_back(item(ItemKind::bind, "config/app", {{"path", "/srv/shop/config/app"}}));
  plan.manifest.items.push_back(item(ItemKind::files, "project", {{"path", "/srv/shop"}}));
  plan.manifest.items.push_back(item(ItemKind::files, "/etc", {{"path", "/etc"}}));
  plan.manifest.items.push_back(item(ItemKind::postgres, "db"));
  for (std::size_t i : {2U, 3U}) {
    model::Artefact artefact;
    artefact.attributes = {{"path.0", i == 2 ? "compose.yaml" : "shop.key"}};
    plan.manifest.items[i].artefacts.push_back(artefact);
  }
  return plan;
}

}  // namespace

TEST_CASE("what a restore brings back needn't be there") {
  const app::RestorePlan plan = sample();
  const auto places = app::RestoredPlaces::of(plan, {});
  REQUIRE(places);
  CHECK(places->has_volume("shop_uploads"));
  CHECK(places->has_volume("shop_wal"));   // the server's, which makes it
  CHECK_FALSE(places->has_volume("tls"));  // somebody else's: an empty one would be no way to start it
  CHECK_FALSE(places->has_volume("shop_cache"));
  for (const char* there : {"/new", "/new/config", "/new/config/app", "/new/config/app/x.ini", "/new/compose.yaml",
                            "/etc/shop.key", "/etc", "/new/pgdata"}) {
    INFO(there);
    CHECK(places->has_path(there));
  }
  for (const char* missing : {"/srv/shop/config/app", "/new/other", "/etc/other.key", "/etc/ssl", "/newer"}) {
    INFO(missing);
    CHECK_FALSE(places->has_path(missing));
  }
}

TEST_CASE("what is left out of a restore must be there") {
  const app::RestorePlan plan = sample();
  const auto places = app::RestoredPlaces::of(plan, {.only = {}, .exclude = {"volume:*", "files:*", "postgres:*"}});
  REQUIRE(places);
  CHECK_FALSE(places->has_volume("shop_uploads"));
  CHECK_FALSE(places->has_volume("shop_wal"));
  CHECK_FALSE(places->has_path("/new/compose.yaml"));
  CHECK(places->has_path("/new/config/app"));
}

TEST_CASE("an empty directory may stand for what Compose would make, but for no file that was left out or is needed") {
  const app::RestorePlan plan = sample();
  const auto all = app::RestoredPlaces::of(plan, {});
  REQUIRE(all);
  CHECK(all->may_make("/new/cache"));
  CHECK_FALSE(all->may_make("/new/site.conf"));
  CHECK_FALSE(all->may_make("/srv/shop/cache"));
  CHECK_FALSE(all->may_make("/etc/ssl"));
  const auto some = app::RestoredPlaces::of(plan, {.only = {}, .exclude = {"files:*", "bind:*"}});
  REQUIRE(some);
  CHECK(some->may_make("/new/config/app"));
  CHECK_FALSE(some->may_make("/new/compose.yaml"));
}

TEST_CASE("an artefact of files that doesn't say which is damaged") {
  app::RestorePlan plan = sample();
  plan.manifest.items[2].artefacts.front().attributes.clear();
  const auto places = app::RestoredPlaces::of(plan, {});
  REQUIRE_FALSE(places);
  CHECK(places.error().code() == Errc::corrupt);
  CHECK(places.error().message().contains("files:project"));
}
