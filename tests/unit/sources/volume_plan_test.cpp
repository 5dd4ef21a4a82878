#include "sources/volume_plan.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/stack.hpp"

namespace davit::sources {
namespace {

using model::Consistency;
using test::bind_mount;
using test::ContainerSketch;
using test::make_container;
using test::make_volume_info;
using test::running_of;
using test::volume_mount;

Stack stack_of(const std::vector<ContainerSketch>& sketches, std::vector<engine::VolumeInfo> volumes = {}) {
  StackParts parts;
  for (const ContainerSketch& sketch : sketches) parts.containers.push_back(make_container(sketch));
  parts.volumes = std::move(volumes);
  return test::make_stack(std::move(parts));
}

struct Planned {
  Plan plan;
  Excludes excludes;

  const model::Item* item(const std::string& id) const {
    for (const model::Item& found : plan.items)
      if (found.id.text() == id) return &found;
    return nullptr;
  }
  std::string why_not(const std::string& what) const {
    for (const model::NotCovered& line : plan.not_covered)
      if (line.what == what) return line.why;
    return "";
  }
};

Planned plan_volumes(const Stack& stack, const Running& running, const VolumeOptions& options = {}) {
  Planned planned;
  add_volumes(planned.plan, planned.excludes, stack, running, options, stream::Codec::zstd);
  return planned;
}

TEST_CASE("every named volume of the stack is an item, with what makes it anew but for the values of its options") {
  const Stack stack = stack_of({{.service = "app", .mounts = {volume_mount("shop_up", "/up")}}},
                               {make_volume_info("shop_up", "uploads", {{"owner", "me"}}, {{"o", "password=secret"}}),
                                make_volume_info("shop_my cache", "my cache")});
  const Planned planned = plan_volumes(stack, running_of(stack));
  REQUIRE(planned.plan.items.size() == 2);
  const model::Item* item = planned.item("volume:uploads");
  REQUIRE(item != nullptr);
  CHECK(item->services == std::vector<std::string>{"app"});
  CHECK(item->attributes == model::Attributes{{"volume", "shop_up"},
                                              {"driver", "local"},
                                              {"options", "1"},
                                              {"label.owner", "me"},
                                              {"label.com.docker.compose.project", "shop"},
                                              {"label.com.docker.compose.volume", "uploads"}});
  REQUIRE(item->artefacts.size() == 1);
  CHECK(item->artefacts[0].path == "volumes/uploads.tar.zst");
  CHECK(item->artefacts[0].content == model::Content::tar);
  CHECK(planned.item("volume:my cache")->artefacts[0].path == "volumes/my%20cache.tar.zst");
  CHECK(planned.plan.not_covered.empty());
}

TEST_CASE("a volume is stopped where no running container of any stack may write it") {
  const Stack stack = stack_of(
      {{.service = "app", .mounts = {volume_mount("a", "/a"), volume_mount("b", "/b", false)}},
       {.service = "db", .mounts = {volume_mount("c", "/c"), volume_mount("d", "/d")}, .running = false}},
      {make_volume_info("a", "a"), make_volume_info("b", "b"), make_volume_info("c", "c"), make_volume_info("d", "d")});
  Running running = running_of(stack);
  running.push_back(make_container({.service = "other", .mounts = {volume_mount("d", "/d")}}));
  const Planned planned = plan_volumes(stack, running);
  CHECK(planned.item("volume:a")->consistency == Consistency::live);
  CHECK(planned.item("volume:b")->consistency == Consistency::stopped);
  CHECK(planned.item("volume:c")->consistency == Consistency::stopped);
  CHECK(planned.item("volume:d")->consistency == Consistency::live);
}

TEST_CASE("volumes that are left out say why") {
  const std::string anonymous(64, 'c');
  const Stack stack = stack_of(
      {{.service = "app",
        .mounts = {volume_mount("off", "/off"), volume_mount("shared", "/s"), volume_mount(anonymous, "/anon")}},
       {.service = "cache",
        .mounts = {volume_mount("cached", "/c"), volume_mount("shared", "/s")},
        .labels = {{"davit.enable", "false"}}}},
      {make_volume_info("off", "off", {{"davit.enable", "false"}}), make_volume_info("shared", "shared"),
       make_volume_info("cached", "cached"), make_volume_info("unused", "unused"), make_volume_info(anonymous, ""),
       make_volume_info("repo", "repo")});
  const Planned planned = plan_volumes(stack, {}, {{"/var/lib/docker/volumes/repo/_data"}});
  CHECK(planned.why_not("volume:off") == "label davit.enable=false of the volume");
  CHECK(planned.why_not("volume:cached") == "label davit.enable=false of cache");
  CHECK(planned.why_not("volume:cccccccccccc").starts_with("an anonymous volume of service app at /anon: "));
  CHECK(planned.why_not("volume:repo") == "holds backups of davit itself");
  CHECK(planned.plan.items.size() == 2);
  CHECK(planned.item("volume:shared") != nullptr);  // one of its services is not switched off
  CHECK(planned.item("volume:unused") != nullptr);  // nobody uses it: nobody switched it off
}

TEST_CASE("a volume in memory can't be brought back") {
  const Stack stack = stack_of({}, {make_volume_info("m", "m", {}, {{"type", "tmpfs"}, {"device", "tmpfs"}})});
  const Planned planned = plan_volumes(stack, {}, {});
  CHECK(planned.plan.items.empty());
  CHECK(planned.why_not("volume:m").starts_with("kept in memory"));
}

TEST_CASE("patterns and a repository inside a volume are left out of it, and the plan says so") {
  const Stack stack = stack_of({}, {make_volume_info("v", "v", {{"davit.exclude", "cache/*,*.tmp"}})});
  const Planned planned = plan_volumes(stack, {}, {{"/var/lib/docker/volumes/v/_data/davit/repo/"}});
  CHECK(planned.excludes.at({model::ItemKind::volume, "v"}) ==
        std::vector<std::string>{"cache/*", "*.tmp", "davit/repo"});
  REQUIRE(planned.plan.not_covered.size() == 3);
  CHECK(planned.plan.not_covered[0].why == "of it: cache/* (label davit.exclude)");
  CHECK(planned.plan.not_covered[2].why == "of it: davit/repo, which holds backups of davit itself");
}

helper::Probe seeing(std::vector<std::string> directories, std::vector<std::string> links = {}) {
  helper::Probe probe;
  probe.directories = std::move(directories);
  probe.links = std::move(links);
  return probe;
}

Planned plan_binds(const Stack& stack, helper::Probe seen, const VolumeOptions& options = {}) {
  Planned planned;
  auto candidates = bind_candidates(planned.plan, stack, options);
  for (const BindCandidate& candidate : candidates) seen.present.push_back(candidate.path);
  add_binds(planned.plan, planned.excludes, std::move(candidates), seen, running_of(stack), stream::Codec::none);
  return planned;
}

TEST_CASE("bind mounts below the project are items, each once, nested ones with the outer") {
  const Stack stack = stack_of(
      {{.service = "web",
        .mounts = {bind_mount("/srv/shop/config", "/c", false), bind_mount("/srv/shop/config/nginx/", "/n"),
                   bind_mount("/srv/shop/config-x", "/x", false)}},
       {.service = "app",
        .mounts = {bind_mount("/srv/shop/config", "/c"), bind_mount("/srv/shop/app.ini", "/app.ini", false)}}});
  const Planned planned = plan_binds(stack, seeing({"config", "config-x"}));
  REQUIRE(planned.plan.items.size() == 2);
  const model::Item* config = planned.item("bind:config");
  REQUIRE(config != nullptr);
  CHECK(config->services == std::vector<std::string>{"app", "web"});
  CHECK(config->consistency == Consistency::live);
  CHECK(config->attributes == model::Attributes{{"path", "/srv/shop/config"}});
  CHECK(config->artefacts[0].path == "volumes/bind/config.tar");
  REQUIRE(planned.item("bind:config-x") != nullptr);
  CHECK(planned.item("bind:config-x")->consistency == Consistency::stopped);
  CHECK(planned.item("bind:app.ini") == nullptr);  // a file: with the project's files
  CHECK(planned.plan.not_covered.empty());
}

TEST_CASE("bind mounts that are not covered say why, and those a restore will miss are needs") {
  const Stack stack = stack_of(
      {{.service = "app",
        .mounts = {bind_mount("/var/run/docker.sock", "/s"), bind_mount("/srv/media", "/m", false),
                   bind_mount("/srv/shop/backups", "/b"), bind_mount("/srv/shop/link", "/l"),
                   bind_mount("/srv/backups/.db", "/.db")}},
       {.service = "dev", .mounts = {bind_mount("/srv/shop/dev", "/d")}, .labels = {{"davit.enable", "false"}}}});
  const Planned planned = plan_binds(stack, seeing({}, {"link"}), {{"/srv/shop/backups", "/srv/backups"}});
  CHECK(planned.plan.items.empty());
  CHECK(planned.why_not("bind:/var/run/docker.sock") == "a socket");
  CHECK(planned.why_not("bind:/srv/media") == "outside the project's directory /srv/shop");
  CHECK(planned.why_not("bind:backups") == "holds backups of davit itself");
  CHECK(planned.why_not("bind:/srv/backups/.db") == "holds backups of davit itself");
  CHECK(planned.why_not("bind:dev") == "label davit.enable=false of dev");
  CHECK(planned.why_not("bind:link").starts_with("a symbolic link"));
  CHECK(planned.plan.needs == std::vector<std::string>{"path /srv/media of the host (bind mount of app)",
                                                       "path /srv/shop/link of the host (a symbolic link)"});
}

TEST_CASE("a file of a service that nothing is backed up of is needed, a directory is not") {
  const Stack stack = stack_of(
      {{.service = "dev",
        .mounts = {bind_mount("/srv/shop/dev", "/d"), bind_mount("/srv/shop/dev.ini", "/i"),
                   bind_mount("/srv/shop/gone", "/g"), bind_mount("/srv/shop/both", "/b"), bind_mount("/etc/x", "/x")},
        .labels = {{"davit.enable", "false"}}},
       {.service = "app", .mounts = {bind_mount("/srv/shop/both", "/b")}}});
  CHECK(disabled_binds(stack) == std::vector<std::string>{"dev", "dev.ini", "gone"});
  Plan plan;
  helper::Probe seen = seeing({"dev"});
  seen.present = {"dev", "dev.ini"};
  add_disabled_files(plan, stack, disabled_binds(stack), seen);
  CHECK(plan.needs == std::vector<std::string>{"path /srv/shop/dev.ini of the host (a file that isn't backed up)"});
}

TEST_CASE("the project's directory as a whole is packed without the repository in it") {
  const Stack stack = stack_of({{.service = "app",
                                 .mounts = {bind_mount("/srv/shop", "/app"), bind_mount("/srv/shop/sub", "/sub")},
                                 .labels = {{"davit.exclude", "node_modules"}}}});
  const Planned planned = plan_binds(stack, {}, {{"/srv/shop/backups", "/srv/shop/.db", "/elsewhere"}});
  REQUIRE(planned.plan.items.size() == 1);
  CHECK(planned.plan.items[0].id.text() == "bind:.");
  CHECK(planned.plan.items[0].artefacts[0].path == "volumes/bind/%2E.tar");
  CHECK(planned.excludes.at(planned.plan.items[0].id) == std::vector<std::string>{"backups", ".db", "node_modules"});
}

TEST_CASE("a bind mount whose source is gone is not covered") {
  const Stack stack = stack_of({{.service = "app", .mounts = {bind_mount("/srv/shop/gone", "/g")}}});
  Planned planned;
  add_binds(planned.plan, planned.excludes, bind_candidates(planned.plan, stack, {}), {}, {}, stream::Codec::zstd);
  CHECK(planned.why_not("bind:gone") == "there is nothing at /srv/shop/gone on the Engine's host");
  CHECK(planned.plan.items.empty());
}

TEST_CASE("whoever has something of the project above or below a path bound uses it") {
  const Running running{
      make_container({.service = "a", .mounts = {bind_mount("/srv/shop", "/x")}}),
      make_container({.service = "b", .mounts = {bind_mount("/srv/shop/config/nginx/x", "/x", false)}}),
      make_container({.service = "c", .mounts = {bind_mount("/srv/shop/config2", "/x")}}),
      make_container({.service = "whole-host", .mounts = {bind_mount("/", "/host")}}),
      make_container({.service = "all-stacks", .mounts = {bind_mount("/srv", "/srv")}})};
  const auto users = users_of_path(running, "/srv/shop/config", "/srv/shop", false);
  REQUIRE(users.size() == 2);
  CHECK(users[0]->name == "shop-a-1");
  CHECK(users[1]->name == "shop-b-1");
  CHECK(users_of_path(running, "/srv/shop/config", "/srv/shop", true).size() == 1);
}

}  // namespace
}  // namespace davit::sources
