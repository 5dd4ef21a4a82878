#include "sources/file_links.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/helper_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/stack.hpp"

namespace davit::sources {
namespace {

namespace fs = std::filesystem;

struct Fixture {
  test::TemporaryDirectory root;
  fs::path project = root / "shop";
  test::HelperEngine engine;
  test::QuietRun run;
  Fixture() {
    engine.add_image("busybox");
    engine::ContainerInfo self;
    self.name = "davit";
    engine.add_container(self);
    fs::create_directory(project);
    fs::create_directory(root / "shared");
    test::write_file(root / "shared/prod.env", "outside");
  }

  Stack stack() const {
    return test::make_stack(
        {.containers = {test::make_container(
             {.service = "app",
              .labels = {{"com.docker.compose.project.working_dir", project},
                         {"com.docker.compose.project.config_files", (project / "compose.yaml").string()}}})},
         .volumes = {},
         .networks = {},
         .images = {}});
  }
  Result<Plan> plan(const std::vector<std::string>& files = {}) {
    helper::Host host(engine, {.image = {}, .self_container = "davit", .attach_only = true, .program = {}});
    return make_files_source(host, {files, {}})
        ->plan(stack(), {}, [](const model::ItemId&) { return true; }, run.context);
  }
};

std::vector<std::string> paths_in(const Plan& plan) {
  REQUIRE(plan.items.size() == 1);
  std::vector<std::string> paths;
  const auto files = recorded_files(plan.items[0].artefacts[0]);
  REQUIRE(files);
  for (const RecordedFile& file : *files) paths.push_back(file.path);
  return paths;
}

TEST_CASE("what a link leads to inside the project is backed up with it, along a chain of links") {
  Fixture fixture;
  fs::create_directory(fixture.project / "env");
  test::write_file(fixture.project / "env/prod.env", "A=1");
  fs::create_symlink("prod.env", fixture.project / "env/current");
  fs::create_symlink(fixture.project / "env/current", fixture.project / ".env");
  test::write_file(fixture.project / "compose.yaml", "services: {}\n");
  const auto plan = fixture.plan();
  REQUIRE(plan);
  CHECK(paths_in(*plan) == std::vector<std::string>{".env", "compose.yaml", "env/current", "env/prod.env"});
  CHECK(plan->not_covered.empty());
}

TEST_CASE("a link out of the project says where it leads, and is an error if it was asked for") {
  Fixture fixture;
  test::write_file(fixture.project / "compose.yaml", "services: {}\n");
  fs::create_symlink("../shared/prod.env", fixture.project / ".env");
  const std::string target = (fixture.root / "shared/prod.env").string();
  const auto plan = fixture.plan();
  REQUIRE(plan);
  CHECK(paths_in(*plan) == std::vector<std::string>{".env", "compose.yaml"});
  REQUIRE(plan->not_covered.size() == 1);
  CHECK(plan->not_covered[0].what == "files:project");
  CHECK(plan->not_covered[0].why.starts_with(".env is a symbolic link to " + target + ", which is not backed up"));

  const auto asked = fixture.plan({".env"});
  REQUIRE_FALSE(asked);
  CHECK(asked.error().code() == Errc::usage);
  CHECK(asked.error().message().contains("(--files): it is a symbolic link to " + target));

  const auto both = fixture.plan({".env", target});
  REQUIRE(both);
  CHECK(both->items.size() == 2);
  CHECK(both->not_covered.empty());
}

TEST_CASE("a linked compose file is read for the files that it names") {
  Fixture fixture;
  test::write_file(fixture.root / "shared/base.yaml", "services:\n  app:\n    env_file: app.env\n");
  test::write_file(fixture.project / "app.env", "A=1");
  fs::create_symlink("../shared/base.yaml", fixture.project / "compose.yaml");
  const auto plan = fixture.plan();
  REQUIRE(plan);
  CHECK(paths_in(*plan) == std::vector<std::string>{"app.env", "compose.yaml"});
  REQUIRE(plan->not_covered.size() == 1);
  CHECK(plan->not_covered[0].why.contains("shared/base.yaml"));
}

TEST_CASE("links that lead to each other or nowhere end") {
  Fixture fixture;
  test::write_file(fixture.project / "x", "x");
  fs::create_symlink("a", fixture.project / ".env");
  fs::create_symlink(".env", fixture.project / "a");
  fs::create_symlink("gone", fixture.project / "compose.yaml");
  const auto plan = fixture.plan();
  REQUIRE(plan);
  CHECK(paths_in(*plan) == std::vector<std::string>{".env", "a", "compose.yaml"});
}

TEST_CASE("what a bind mount holds is not backed up a second time for a link to it") {
  std::vector<FileGroup> groups{{"project", "/srv/shop", {{".env", ""}}}};
  helper::Probe seen;
  seen.present = seen.links = {".env"};
  const LinkTargets targets{{".env", "/srv/shop/config/prod.env"}};
  const std::vector<BindCandidate> binds{{"config", "/srv/shop/config", {"app"}, {}}};
  CHECK_FALSE(add_link_targets(groups, 0, seen, targets, binds));
  Plan plan;
  CHECK(report_links(plan, groups, 0, seen, targets, binds));
  CHECK(plan.not_covered.empty());
  CHECK(add_link_targets(groups, 0, seen, targets, {}));
  CHECK(groups[0].paths() == std::vector<std::string>{".env", "config/prod.env"});
}

}  // namespace
}  // namespace davit::sources
