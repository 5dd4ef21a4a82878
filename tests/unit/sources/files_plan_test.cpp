#include "sources/files_plan.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/stack.hpp"

namespace davit::sources {
namespace {

using test::make_container;

Stack stack_with(engine::Labels labels) {
  return test::make_stack({.containers = {make_container({.service = "app", .labels = std::move(labels)})},
                           .volumes = {},
                           .networks = {},
                           .images = {}});
}

helper::Probe seeing(std::vector<std::string> present) {
  helper::Probe probe;
  probe.present = std::move(present);
  return probe;
}
helper::Probe nothing_there() {
  helper::Probe probe;
  probe.exists = false;
  return probe;
}

TEST_CASE("by default the compose files and env files of the project are taken, grouped by directory") {
  const auto groups =
      group_files(stack_with({{"com.docker.compose.project.config_files", "/srv/shop/compose.yaml,/opt/base.yaml"},
                              {"com.docker.compose.project.environment_file", "/srv/shop/env/prod.env"}}),
                  {});
  REQUIRE(groups);
  REQUIRE(groups->size() == 2);
  CHECK((*groups)[0].name == "project");
  CHECK((*groups)[0].directory == "/srv/shop");
  CHECK((*groups)[0].paths() == std::vector<std::string>{".env", "compose.yaml", "env/prod.env"});
  CHECK((*groups)[1].name == "/opt");
  CHECK((*groups)[1].paths() == std::vector<std::string>{"base.yaml"});
}

TEST_CASE("files that are asked for are added once, and what lies in a directory that is taken goes with it") {
  const auto groups = group_files(stack_with({{"davit.files", "certs,certs/ca.pem,.env"}}),
                                  {{"../shared/x.conf", "/srv/shop/secrets/", "/etc/shop"}, {}});
  REQUIRE(groups);
  REQUIRE(groups->size() == 3);
  CHECK((*groups)[0].paths() == std::vector<std::string>{".env", "certs", "compose.yaml", "secrets"});
  CHECK((*groups)[0].requests[0].origin == "label davit.files of service app");  // now it must be there
  CHECK((*groups)[1].directory == "/srv/shared");
  CHECK((*groups)[2].directory == "/etc");
  CHECK((*groups)[2].paths() == std::vector<std::string>{"shop"});
}

TEST_CASE("the project's directory as a whole is one path of the directory above it, and nothing else is taken twice") {
  const auto groups = group_files(stack_with({{"davit.files", "."}}), {{"certs"}, {}});
  REQUIRE(groups);
  REQUIRE(groups->size() == 1);
  CHECK((*groups)[0].id().text() == "files:/srv");
  CHECK((*groups)[0].paths() == std::vector<std::string>{"shop"});
}

TEST_CASE("what compose files name is taken if it is a file of the project or beside it") {
  const Stack stack = stack_with({});
  const auto groups = group_files(
      stack, {},
      {"./app.env", "/etc/passwd", "/srv/shop/b.env", "../common/compose.yaml", ".", "/", "../shop", "data"});
  REQUIRE(groups);
  REQUIRE(groups->size() == 2);
  CHECK((*groups)[0].paths() == std::vector<std::string>{".env", "app.env", "b.env", "compose.yaml", "data"});
  CHECK((*groups)[1].directory == "/srv/common");
  helper::Probe seen = seeing({"app.env", "data"});
  seen.directories = {"data"};
  Plan plan;
  REQUIRE(add_group(plan, groups->front(), seen, stack, stream::Codec::none));
  REQUIRE(plan.items.size() == 1);
  CHECK(plan.items[0].artefacts[0].attributes == model::Attributes{{"path.0", "app.env"}});
  Stack nowhere;
  CHECK(group_files(nowhere, {}, {"a.env"})->empty());
}

BindCandidate bound(const std::string& path) {
  return {path, path == "." ? "/srv/shop" : "/srv/shop/" + path, {"app"}, {}};
}

TEST_CASE("files and bind mounts share nothing: each part belongs to one of them") {
  auto groups = group_files(stack_with({}), {{"conf", "data/keys", "/opt/x"}, {}});
  REQUIRE(groups);
  Plan plan;
  helper::Probe seen;
  seen.present = {"app.ini", "conf/nginx", "data", "link"};
  seen.directories = {"conf/nginx", "data"};
  seen.links = {"link"};
  sort_out_binds(*groups, plan, {bound("app.ini"), bound("conf/nginx"), bound("data"), bound("gone"), bound("link")},
                 seen);
  REQUIRE(groups->size() == 2);
  CHECK((*groups)[0].paths() == std::vector<std::string>{".env", "app.ini", "compose.yaml", "conf"});
  CHECK((*groups)[1].directory == "/opt");
  REQUIRE(plan.covered_volumes.size() == 1);
  CHECK(plan.covered_volumes.at("/srv/shop/conf/nginx").text() == "files:project");
  CHECK(plan.not_covered.empty());
}

TEST_CASE("a project that is bound as a whole holds its own files") {
  auto groups = group_files(stack_with({}), {});
  REQUIRE(groups);
  Plan plan;
  sort_out_binds(*groups, plan, {bound(".")}, {});
  CHECK(groups->empty());
  REQUIRE(plan.not_covered.size() == 1);
  CHECK(plan.not_covered[0].what == "files:project");
  CHECK(plan.not_covered[0].why == "it is part of bind:.");
}

TEST_CASE("without a project directory only absolute paths can be asked for") {
  Stack stack;
  stack.name = "shop";
  const auto none = group_files(stack, {});
  REQUIRE(none);
  CHECK(none->empty());
  const auto absolute = group_files(stack, {{"/etc/shop.conf"}, {}});
  REQUIRE(absolute);
  CHECK(absolute->size() == 1);
  const auto relative = group_files(stack, {{"shop.conf"}, {}});
  REQUIRE_FALSE(relative);
  CHECK(relative.error().code() == Errc::usage);
  CHECK(relative.error().message().contains("--files"));
  CHECK_FALSE(group_files(stack, {{"/"}, {}}));
}

TEST_CASE("a default file that is missing is skipped, one that was asked for is an error") {
  const Stack stack = stack_with({});
  const auto groups = group_files(stack, {});
  REQUIRE(groups);
  Plan plan;
  REQUIRE(add_group(plan, groups->front(), seeing({"compose.yaml"}), stack, stream::Codec::zstd));
  REQUIRE(plan.items.size() == 1);
  CHECK(plan.items[0].id.text() == "files:project");
  CHECK(plan.items[0].services == std::vector<std::string>{"app"});
  CHECK(plan.items[0].attributes == model::Attributes{{"path", "/srv/shop"}});
  CHECK(plan.items[0].artefacts[0].path == "config/project.tar.zst");
  CHECK(plan.items[0].artefacts[0].attributes == model::Attributes{{"path.0", "compose.yaml"}});

  Plan nothing;
  REQUIRE(add_group(nothing, groups->front(), nothing_there(), stack, stream::Codec::zstd));
  CHECK(nothing.items.empty());
  REQUIRE(nothing.not_covered.size() == 1);
  CHECK(nothing.not_covered[0].why == "none of .env, compose.yaml is in /srv/shop on the Engine's host");

  const auto asked = group_files(stack, {{"compose.yaml", "certs"}, {}});
  REQUIRE(asked);
  const auto missing = add_group(plan, asked->front(), seeing({"compose.yaml"}), stack, stream::Codec::zstd);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == Errc::usage);
  CHECK(missing.error().message() == "back up /srv/shop/certs (--files): it does not exist on the Engine's host");
}

TEST_CASE("paths and digests stand in the artefact's attributes, and may not lead out of the directory") {
  model::Artefact artefact;
  std::vector<RecordedFile> files;
  for (int i = 0; i < 12; ++i) files.push_back({"f" + std::to_string(i), i % 2 == 0 ? "d" + std::to_string(i) : ""});
  record_files(artefact, files);
  const auto back = recorded_files(artefact);
  REQUIRE(back);
  REQUIRE(back->size() == 12);
  CHECK((*back)[10].path == "f10");
  CHECK((*back)[10].digest == "d10");
  CHECK((*back)[11].digest.empty());

  CHECK(recorded_files({}).error().code() == Errc::corrupt);
  for (const char* bad : {"../etc/passwd", "/etc/passwd", "a/../b", "a//b", "", ".", "a/"}) {
    model::Artefact odd;
    odd.attributes["path.0"] = bad;
    INFO(bad);
    CHECK_FALSE(recorded_files(odd));
  }
}

}  // namespace
}  // namespace davit::sources
