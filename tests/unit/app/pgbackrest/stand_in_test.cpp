#include "app/pgbackrest/stand_in.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"

namespace davit::app {
namespace {

// A database container after its davit's death, and what the script of DataSwap says of its files.
struct Scene {
  test::FakeEngine engine;
  test::QuietRun run;
  engine::ContainerInfo info;
  std::string step = "leaving\n";
  bool undo_fails = false;
  std::vector<std::string> tasks;  // of the script, with the container that they were run in
  nlohmann::json entry;

  explicit Scene(const std::string& status) {
    info.name = "shop-db-1";
    info.image = "postgres:17";
    info.network_mode = "shop_default";
    info.state.status = status;
    info.state.running = status == "running";
    engine.add_container(info);
    auto added = engine.inspect_container(engine.id_of("shop-db-1"));
    REQUIRE(added);
    info = *added;
    entry = entry_of_swap(info, "deadbeef");
    engine.on_command = [this](const test::FakeCommand& command) -> test::FakeOutcome {
      if (command.argv.size() == 5) return {.out = "/data\npostgres\n"};  // whose cluster it is
      const std::string& task = command.argv.at(8);
      tasks.push_back(task + (command.container == "shop-db-1" ? " in the container" : ""));
      if (task == "state") return {.out = step};
      if (task == "undo" && undo_fails) return {.exit_code = 1, .err = "No space left on device\n"};
      return {};
    };
  }
};

}  // namespace

TEST_CASE("where files were changing places, the guard puts the old ones back beside the stopped container",
          "[pgbackrest][guard]") {
  Scene scene("exited");
  const auto lines = put_back_swap(scene.engine, scene.entry, scene.run.context);
  REQUIRE(lines);
  CHECK(*lines == std::vector<std::string>{"put the old cluster of container shop-db-1 back into place"});
  CHECK(scene.tasks == std::vector<std::string>{"state", "lock", "undo", "clear"});
  CHECK(scene.engine.container_names() == std::vector<std::string>{"shop-db-1"});
}

TEST_CASE("where one of both clusters is in place, whoever starts the container has it", "[pgbackrest][guard]") {
  for (const char* step : {"", "begun\n", "restoring\n", "swapped\n", "done\n"}) {
    CAPTURE(step);
    Scene scene("exited");
    scene.step = step;
    const auto lines = put_back_swap(scene.engine, scene.entry, scene.run.context);
    REQUIRE(lines);
    CHECK(lines->empty());
    CHECK(scene.tasks == std::vector<std::string>{"state"});
  }
  Scene running("running");
  CHECK(put_back_swap(running.engine, running.entry, running.run.context)->empty());
  CHECK(running.tasks.empty());
  running.engine.forget_container(running.info.id);
  CHECK(put_back_swap(running.engine, running.entry, running.run.context)->empty());
}

TEST_CASE("what could not be put back is tried again", "[pgbackrest][guard]") {
  Scene scene("exited");
  scene.undo_fails = true;
  const auto lines = put_back_swap(scene.engine, scene.entry, scene.run.context);
  REQUIRE_FALSE(lines);
  CHECK(lines.error().message().contains("No space left"));
  CHECK(scene.engine.container_names() == std::vector<std::string>{"shop-db-1"});
  scene.undo_fails = false;
  CHECK(put_back_swap(scene.engine, scene.entry, scene.run.context)->size() == 1);
}

}  // namespace davit::app
