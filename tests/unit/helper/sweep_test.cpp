#include <catch2/catch_test_macros.hpp>

#include "helper/session.hpp"
#include "support/fake_engine.hpp"
#include "support/lives.hpp"

namespace davit::helper {
namespace {

TEST_CASE("a volume that is left of a helper or a guard goes once its run is dead, and no other does") {
  test::FakeEngine engine;
  for (const char* role : {"helper", "guard"})
    for (const char* run : {"dead", "alive"})
      engine.add_volume(std::string(role) + "-" + run, {{"davit.role", role}, {"davit.run", run}});
  engine.add_volume("theirs", {{"com.docker.compose.project", "shop"}});
  const auto swept = sweep(engine, test::lives({"alive"}));
  REQUIRE(swept);
  CHECK(engine.volume_names() == std::vector<std::string>{"guard-alive", "helper-alive", "theirs"});
}

}  // namespace
}  // namespace davit::helper
