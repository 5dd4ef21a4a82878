#include "sources/stack.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/fake_engine.hpp"
#include "support/stack.hpp"

namespace davit::sources {
namespace {

using test::make_container;
using test::volume_mount;

const engine::Labels kShopVolume{{"com.docker.compose.project", "shop"}, {"com.docker.compose.volume", "data"}};

TEST_CASE("a stack is found by its labels, with what its containers mount") {
  test::FakeEngine engine;
  engine.add_volume("shop_data", kShopVolume);
  engine.add_volume("foreign");
  engine.add_volume("media");
  engine.add_container(
      make_container({.service = "app", .mounts = {volume_mount("shop_data", "/d"), volume_mount("media", "/m")}}));
  auto stranger = make_container({.service = "app", .labels = {{"com.docker.compose.project", "blog"}}});
  stranger.id = {};
  stranger.name = "blog-app-1";
  engine.add_container(stranger);
  engine.add_network("shop_default", {{"com.docker.compose.project", "shop"}});
  engine.add_network("blog_default", {{"com.docker.compose.project", "blog"}});

  const auto stack = discover(engine, "shop");
  REQUIRE(stack);
  REQUIRE(stack->services.size() == 1);
  CHECK(stack->services[0].containers.size() == 1);
  REQUIRE(stack->volumes.size() == 2);
  CHECK(stack->volumes[0].key == "data");
  CHECK(stack->volumes[1].key == "media");
  REQUIRE(stack->networks.size() == 1);
  CHECK(stack->networks[0].name == "shop_default");
  CHECK(stack->images.contains("app:1"));
  CHECK(stack->digest_key.size() == 32);
  CHECK(discover(engine, "shop")->digest_key != stack->digest_key);
}

TEST_CASE("stacks are listed with what runs, also those that are only volumes") {
  test::FakeEngine engine;
  engine.add_volume("old_data", {{"com.docker.compose.project", "old"}, {"com.docker.compose.volume", "data"}});
  engine.add_volume("nobody");
  engine.add_container(make_container({.service = "app"}));
  auto exited = make_container({.service = "db", .running = false});
  exited.state.status = "exited";
  engine.add_container(exited);
  const auto stacks = list_stacks(engine);
  REQUIRE(stacks);
  REQUIRE(stacks->size() == 2);
  CHECK((*stacks)[0].name == "old");
  CHECK((*stacks)[0].running == 0);
  CHECK((*stacks)[1].name == "shop");
  CHECK((*stacks)[1].running == 1);

  const auto old = discover(engine, "old");
  REQUIRE(old);
  CHECK(old->services.empty());
  CHECK(old->project_dir.empty());
  CHECK(old->volumes.size() == 1);
}

TEST_CASE("a stack that is not there is named with those that are") {
  test::FakeEngine engine;
  const auto none = discover(engine, "shop");
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Errc::not_found);
  CHECK(none.error().hint().contains("no stacks"));
  engine.add_container(make_container({.service = "app"}));
  const auto other = discover(engine, "shp");
  REQUIRE_FALSE(other);
  CHECK(other.error().message() == "no stack named \"shp\" on this Engine");
  CHECK(other.error().hint() == "there are: shop");
}

TEST_CASE("every call of the Engine that fails makes the look at a stack fail, and none is passed over") {
  test::FakeEngine engine;
  engine.add_volume("shop_data", kShopVolume);
  engine.add_container(make_container({.service = "app", .mounts = {volume_mount("media", "/m")}}));
  engine.set_faults({});
  REQUIRE(discover(engine, "shop"));
  const std::uint64_t calls = engine.operations();
  CHECK(calls >= 6);
  for (std::uint64_t call = 1; call <= calls; ++call) {
    engine.set_faults({.fail_at = call});
    const auto stack = discover(engine, "shop");
    INFO("call " << call);
    REQUIRE_FALSE(stack);
    CHECK(stack.error().code() == Errc::unavailable);
  }
}

}  // namespace
}  // namespace davit::sources
