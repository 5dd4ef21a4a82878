#include "sources/relocate.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/stack.hpp"

using namespace davit;

TEST_CASE("a stack that goes to another directory takes along what lay in the old one, and nothing else") {
  sources::StackParts parts;
  parts.containers.push_back(test::make_container(
      {.service = "app",
       .mounts = {test::bind_mount("/srv/shop/config", "/config"), test::bind_mount("/srv/shopping", "/other"),
                  test::bind_mount("/etc/localtime", "/etc/localtime"), test::volume_mount("shop_data", "/data")}}));
  parts.volumes.push_back(test::make_volume_info("shop_data", "data"));
  parts.volumes.push_back(
      test::make_volume_info("shop_bound", "bound", {}, {{"o", "rw,bind"}, {"device", "/srv/shop/bound"}}));
  parts.volumes.push_back(
      test::make_volume_info("shop_share", "share", {}, {{"o", "addr=10.0.0.1"}, {"device", "/srv/shop/export"}}));
  sources::Stack stack = test::make_stack(std::move(parts));
  stack.config_files = {"/srv/shop/compose.yaml", "/opt/common.yaml"};
  stack.env_files = {"/srv/shop/.env"};
  const std::string raw = stack.services.front().containers.front().raw;

  relocate(stack, {{{"/srv/shop", "/data/new"}}});

  CHECK(stack.project_dir == "/data/new");
  CHECK(stack.config_files == std::vector<std::string>{"/data/new/compose.yaml", "/opt/common.yaml"});
  CHECK(stack.env_files == std::vector<std::string>{"/data/new/.env"});
  const auto& mounts = stack.services.front().containers.front().mounts;
  CHECK(mounts[0].source == "/data/new/config");
  CHECK(mounts[1].source == "/srv/shopping");
  CHECK(mounts[2].source == "/etc/localtime");
  CHECK(mounts[3].name == "shop_data");
  CHECK(stack.find_volume("shop_bound")->info.options.at("device") == "/data/new/bound");
  CHECK(stack.find_volume("shop_share")->info.options.at("device") == "/srv/shop/export");
  CHECK(stack.services.front().containers.front().raw == raw);
}
