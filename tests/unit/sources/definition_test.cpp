#include "sources/definition.hpp"

#include <catch2/catch_test_macros.hpp>

#include "engine/decode.hpp"
#include "stream/memory_stream.hpp"
#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/stack.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;
using test::make_container;
using test::make_volume_info;

Stack sample() {
  const auto network =
      engine::decode_network(json::parse(R"({"Id":"n1","Name":"proxy","Driver":"bridge","Labels":{}})"));
  const auto own = engine::decode_network(json::parse(
      R"({"Id":"n2","Name":"shop_default","Driver":"bridge","Labels":{"com.docker.compose.project":"shop"}})"));
  const auto image = engine::decode_image(json::parse(R"({"Id":"sha256:app","RepoTags":["app:1"],"RepoDigests":[]})"));
  REQUIRE((network && own && image));
  return test::make_stack(
      {.containers = {make_container({.service = "app", .mounts = {test::volume_mount("shop_data", "/data")}})},
       .volumes = {make_volume_info("shop_data", "data", {}, {{"o", "password=x"}})},
       .networks = {*network, *own},
       .images = {*image}});
}

TEST_CASE("a definition gives the stack back that it was made of") {
  const Stack stack = sample();
  const auto back = parse_definition(render_definition(stack));
  REQUIRE(back);
  CHECK(back->name == "shop");
  CHECK(back->project_dir == "/srv/shop");
  CHECK(back->digest_key == stack.digest_key);
  REQUIRE(back->services.size() == 1);
  CHECK(json::parse(back->services[0].containers[0].raw) == json::parse(stack.services[0].containers[0].raw));
  REQUIRE(back->find_volume("shop_data") != nullptr);
  CHECK(back->find_volume("shop_data")->key == "data");
  CHECK(back->find_volume("shop_data")->info.options == engine::Labels{{"o", "password=x"}});
  CHECK(back->networks.size() == 2);
  CHECK(back->images.at("app:1").id == "sha256:app");
  CHECK(render_definition(*back) == render_definition(stack));
}

TEST_CASE("what is no definition is corrupt, and a newer one is named") {
  CHECK(parse_definition("").error().code() == Errc::corrupt);
  CHECK(parse_definition("[]").error().code() == Errc::corrupt);
  CHECK(parse_definition("{}").error().code() == Errc::corrupt);
  CHECK(parse_definition(R"({"format":1,"project":7})").error().code() == Errc::corrupt);
  CHECK(parse_definition(R"({"format":1,"project":"shop"})").error().code() == Errc::corrupt);
  CHECK(parse_definition(R"({"format":1,"project":"s","containers":[1],"volumes":[],"networks":[],"images":[]})")
            .error()
            .code() == Errc::corrupt);
  const auto newer = parse_definition(R"({"format":2,"project":"shop"})");
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code() == Errc::usage);
  std::string cut = render_definition(sample());
  cut.resize(cut.size() / 2);
  CHECK(parse_definition(cut).error().code() == Errc::corrupt);
}

TEST_CASE("a backup needs external networks and images that no registry has") {
  CHECK(needs_of(sample()) ==
        std::vector<std::string>{"network proxy (external)",
                                 "image app:1 (built or loaded here: no registry is known to have it)"});
}

TEST_CASE("a backup needs the directory that a volume is by its options") {
  const Stack stack = test::make_stack(
      {.volumes = {test::make_volume_info("shop_bound", "bound", {}, {{"o", "bind"}, {"device", "/srv/disk"}}),
                   test::make_volume_info("shop_plain", "plain")}});
  CHECK(needs_of(stack) == std::vector<std::string>{"path /srv/disk of the host (device of volume shop_bound)"});
}

TEST_CASE("the stack source stores the definition, and its restore only reads it") {
  test::QuietRun run;
  test::FakeEngine engine;
  const Stack stack = sample();
  const auto source = make_stack_source(engine);
  auto plan = source->plan(stack, {}, [](const model::ItemId&) { return true; }, run.context);
  REQUIRE(plan);
  REQUIRE(plan->items.size() == 1);
  model::Item item = plan->items[0];
  CHECK(item.id.text() == "stack:definition");
  CHECK(item.artefacts[0].path == "stack/definition.json.zst");
  stream::MemorySink stored;
  REQUIRE(source->dump(item, item.artefacts[0], {}, stored, run.context));
  CHECK(stored.finished());
  CHECK(item.artefacts[0].stored.bytes == stored.contents().size());
  CHECK(item.artefacts[0].plain.bytes == render_definition(stack).size());
  stream::MemorySource whole(stored.contents());
  CHECK(source->verify(item, item.artefacts[0], whole, stack, run.context));
  std::string flipped = stored.contents();
  flipped[flipped.size() / 2] ^= 1;
  stream::MemorySource damaged(flipped);
  CHECK_FALSE(source->verify(item, item.artefacts[0], damaged, stack, run.context));

  auto restoration = source->restore(item, {}, run.context);
  REQUIRE(restoration);
  stream::MemorySource again(stored.contents());
  CHECK((*restoration)->stage(item.artefacts[0], again, run.context));
  CHECK((*restoration)->commit(run.context));
  CHECK((*restoration)->finish(run.context));
}

}  // namespace
}  // namespace davit::sources
