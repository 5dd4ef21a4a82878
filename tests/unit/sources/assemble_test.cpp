#include "sources/assemble.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/stack.hpp"

namespace davit::sources {
namespace {

using test::make_container;
using test::make_stack;
using test::make_volume_info;
using test::volume_mount;

TEST_CASE("containers become services, in order of their numbers, without one-off runs") {
  const Stack stack = make_stack(
      {.containers = {make_container({.service = "web", .running = false, .number = 10}),
                      make_container({.service = "web", .number = 2}),
                      make_container({.service = "app", .running = false}),
                      make_container(
                          {.service = "app", .labels = {{"com.docker.compose.oneoff", "True"}}, .number = 7})},
       .volumes = {},
       .networks = {},
       .images = {}});
  REQUIRE(stack.services.size() == 2);
  CHECK(stack.services[0].name == "app");
  CHECK(stack.services[0].containers.size() == 1);
  CHECK(stack.services[0].running_container() == nullptr);
  REQUIRE(stack.services[1].containers.size() == 2);
  CHECK(stack.services[1].containers[0].name == "shop-web-2");
  CHECK(stack.services[1].running_container()->name == "shop-web-2");
  CHECK(stack.project_dir == "/srv/shop");
  CHECK(stack.config_files == std::vector<std::string>{"/srv/shop/compose.yaml"});
  CHECK(stack.find_service("web") == &stack.services[1]);
  CHECK(stack.find_service("db") == nullptr);
}

TEST_CASE("a compose file of a run alone, as davit's own beside the stack's, is of the project") {
  const Stack stack =
      make_stack({.containers = {make_container({.service = "app"}),
                                 make_container({.service = "davit",
                                                 .labels = {{"com.docker.compose.oneoff", "True"},
                                                            {"com.docker.compose.project.config_files",
                                                             "/srv/shop/compose.yaml,/srv/shop/davit.yaml"}}})},
                  .volumes = {},
                  .networks = {},
                  .images = {}});
  CHECK(stack.services.size() == 1);
  CHECK(stack.config_files == std::vector<std::string>{"/srv/shop/compose.yaml", "/srv/shop/davit.yaml"});
}

TEST_CASE("compose files and env files of all services are collected once, and standard input is none") {
  const Stack stack = make_stack(
      {.containers =
           {make_container({.service = "a",
                            .labels = {{"com.docker.compose.project.config_files", "/srv/shop/a.yaml,-"},
                                       {"com.docker.compose.project.environment_file", "/srv/shop/prod.env"}}}),
            make_container({.service = "b",
                            .labels = {{"com.docker.compose.project.config_files", "/srv/shop/a.yaml,/opt/b.yaml"}}})},
       .volumes = {},
       .networks = {},
       .images = {}});
  CHECK(stack.config_files == std::vector<std::string>{"/srv/shop/a.yaml", "/opt/b.yaml"});
  CHECK(stack.env_files == std::vector<std::string>{"/srv/shop/prod.env"});
}

TEST_CASE("a volume goes by its key, and every key is there once") {
  const Stack stack = make_stack(
      {.containers = {make_container({.service = "app",
                                      .mounts = {volume_mount("renamed", "/data"), volume_mount("media", "/m"),
                                                 volume_mount("cache", "/c", false)}})},
       .volumes = {make_volume_info("shop_data", "data"), make_volume_info("renamed", "data"),
                   make_volume_info("media", ""), make_volume_info("shop_media", "media"),
                   make_volume_info("cache", "cache")},
       .networks = {},
       .images = {}});
  const auto key = [&](std::string_view name) {
    return stack.find_volume(name) == nullptr ? "none" : stack.find_volume(name)->key;
  };
  CHECK(key("renamed") == "data");  // it is in use, the other one is from before
  CHECK(key("shop_data") == "shop_data");
  CHECK(key("shop_media") == "media");
  CHECK(key("media") == "engine/media");
  CHECK(key("cache") == "cache");
  CHECK(key("other") == "none");
  CHECK(stack.users_of("cache") == std::vector<std::string>{"app"});
  CHECK(stack.users_of("cache", true).empty());
}

TEST_CASE("wrong labels are refused in a stack, and ignored in a record of one") {
  const StackParts parts{.containers = {make_container({.service = "app", .labels = {{"davit.enabled", "true"}}})},
                         .volumes = {},
                         .networks = {},
                         .images = {}};
  const auto live = assemble("shop", parts, LabelErrors::refuse);
  REQUIRE_FALSE(live);
  CHECK(live.error().code() == Errc::usage);
  CHECK(live.error().message().starts_with("service app: "));
  CHECK(assemble("shop", parts, LabelErrors::ignore).has_value());
}

TEST_CASE("the image of a container is the one it was made from, not the one its tag names now") {
  engine::ImageInfo old;
  old.id = "sha256:app";
  engine::ImageInfo moved;
  moved.id = "sha256:newer";
  moved.repo_tags = {"app:1"};
  const engine::ContainerInfo container = make_container({.service = "app"});
  CHECK(image_of(container, {moved, old})->id == "sha256:app");
  CHECK(image_of(container, {moved})->id == "sha256:newer");
  CHECK(image_of(container, {}) == nullptr);
}

TEST_CASE("64 hex digits without a key of Compose are an anonymous volume") {
  const std::string hex(64, 'a');
  CHECK(is_anonymous(make_volume_info(hex, "")));
  CHECK_FALSE(is_anonymous(make_volume_info(hex, "data")));
  CHECK_FALSE(is_anonymous(make_volume_info(std::string(63, 'a') + "g", "")));
  CHECK_FALSE(is_anonymous(make_volume_info(std::string(63, 'a'), "")));
}

}  // namespace
}  // namespace davit::sources
