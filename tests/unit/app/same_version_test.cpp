#include "app/same_version.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/fake_engine.hpp"
#include "support/sample_manifest.hpp"
#include "support/stack.hpp"

namespace davit::app {
namespace {

std::string sha(char digit) { return "sha256:" + std::string(64, digit); }

catalog::ServiceRecord record(const std::string& name = "db") {
  return {.name = name,
          .image = "postgres:17",
          .image_id = sha('a'),
          .repo_digests = {"postgres@" + sha('b')},
          .platform = "linux/amd64"};
}

catalog::Manifest manifest_of(std::vector<catalog::ServiceRecord> services) {
  catalog::Manifest manifest = test::sample_manifest();
  manifest.services = std::move(services);
  return manifest;
}

model::Item item(model::ItemKind kind, std::vector<std::string> services) {
  model::Item made;
  made.id = {kind, "name"};
  made.services = std::move(services);
  return made;
}

TEST_CASE("an image is the same by its id, or by a digest in common") {
  CHECK(is_same_image(record(), {"postgres:17", sha('a'), {}}));
  CHECK(is_same_image(record(), {"registry.example/other:1", sha('c'), {"registry.example/other@" + sha('b')}}));
  CHECK(is_same_image(record(), {"postgres:17", sha('c'), {"postgres@" + sha('d'), "postgres@" + sha('b')}}));
  // An Engine that keeps images by their digest.
  CHECK(is_same_image(record(), {"postgres:17", sha('b'), {}}));
  CHECK(is_same_image(record(), {"postgres:17", sha('c'), {"postgres@" + sha('a')}}));
  CHECK_FALSE(is_same_image(record(), {"postgres:17", sha('c'), {}}));
  CHECK_FALSE(is_same_image(record(), {"postgres:17", sha('c'), {"postgres@" + sha('d')}}));
  // Where nothing is known, nothing is refused.
  CHECK(is_same_image(record(), {"postgres:17", "", {}}));
  catalog::ServiceRecord unknown = record();
  unknown.image_id.clear();
  unknown.repo_digests = {"strange"};
  CHECK(is_same_image(unknown, {"postgres:17", sha('c'), {}}));
}

TEST_CASE("data is that of the services of volumes, databases and commands, not of files and the definition") {
  using enum model::ItemKind;
  CHECK(services_with_data({item(volume, {"b", "a"}), item(postgres, {"db"}), item(bind, {"a"}), item(command, {"c"}),
                            item(files, {"f"}), item(stack, {"s"})}) == std::vector<std::string>{"a", "b", "c", "db"});
  CHECK(services_with_data({item(files, {"f"})}).empty());
}

TEST_CASE("every service with another image is named once, and those that aren't restored are not") {
  const auto manifest = manifest_of({record("app"), record("db"), record("idle"), record("same")});
  const auto conflicts = compare_versions(manifest, {"app", "db", "gone", "same"}, [](std::string_view service) {
    if (service == "same") return std::vector<ImageNow>{{"postgres:17", sha('a'), {}}};
    if (service == "db")
      return std::vector<ImageNow>{
          {"postgres:17", sha('a'), {}}, {"postgres:17", sha('c'), {}}, {"postgres:17", sha('d'), {}}};
    return std::vector<ImageNow>{{.reference = "postgres:18", .id = sha('c'), .digests = {}, .runs = false}};
  });
  REQUIRE(conflicts.size() == 2);
  CHECK(conflicts[0].conflict.what ==
        "service app would get the image postgres:18 (sha256:cccccccccccc), and the backup is of postgres:17 "
        "(sha256:aaaaaaaaaaaa)");
  CHECK(conflicts[1].conflict.what ==
        "service db has the image postgres:17 (sha256:cccccccccccc), and the backup is of sha256:aaaaaaaaaaaa");
  CHECK(conflicts[0].name == "app");
  for (const auto& [name, conflict] : conflicts) {
    CHECK_FALSE(conflict.replaceable);
    CHECK(conflict.remedy.contains("--allow-version-change"));
  }
  CHECK(compare_versions(manifest, {"db"}, [](std::string_view) { return std::vector<ImageNow>{}; }).empty());
}

TEST_CASE("what a service has now is asked of its containers, and of the Engine where it has none") {
  test::FakeEngine engine;
  const auto items = std::vector{item(model::ItemKind::volume, {"db"})};
  const auto check = [&](const sources::Stack& present) {
    return check_same_version(engine, manifest_of({record()}), present, items, {}).value();
  };
  // Neither a container nor the image.
  CHECK(check({}).empty());
  engine.add_image("postgres:17");
  REQUIRE(check({}).size() == 1);
  const std::string id = engine.inspect_image("postgres:17")->id;
  CHECK(check({})[0].conflict.what.starts_with("service db would get the image postgres:17 (" + id.substr(0, 19)));
  CHECK(check_same_version(engine, manifest_of({record()}), {}, items, [](std::string_view service) {
          return service == "db";
        })->empty());
  // A container counts, and not what its tag names by now.
  engine::ContainerInfo container = test::make_container({"db"});
  container.image = "postgres:17";
  container.image_id = sha('a');
  CHECK(check(test::make_stack({{container}})).empty());
  container.image_id = sha('d');
  CHECK(check(test::make_stack({{container}})).size() == 1);
  // Its digests count where they are of that very image.
  sources::Stack stack = test::make_stack({{container}});
  stack.images["postgres:17"] = {};
  stack.images["postgres:17"].id = sha('d');
  stack.images["postgres:17"].repo_digests = {"postgres@" + sha('b')};
  CHECK(check(stack).empty());
  stack.images["postgres:17"].id = sha('e');
  CHECK(check(stack).size() == 1);
}

TEST_CASE("a changed service stands in the way of the first item that holds its data, before all else") {
  test::FakeEngine engine;
  engine.add_image("postgres:17");
  RestorePlan plan;
  plan.manifest = manifest_of({record()});
  const sources::Conflict other{"something else", "do something", true};
  for (const auto kind : {model::ItemKind::files, model::ItemKind::volume, model::ItemKind::postgres})
    plan.steps.push_back({item(kind, {"db"}), {other}});
  REQUIRE(add_version_conflicts(engine, plan));
  CHECK(plan.steps[0].conflicts.size() == 1);
  REQUIRE(plan.steps[1].conflicts.size() == 2);
  CHECK(plan.steps[1].conflicts[0].what.starts_with("service db would get"));
  CHECK(plan.steps[2].conflicts.size() == 1);
  CHECK(plan.blocking(true).size() == 1);
  // One that is made anew gets the very image.
  for (RestoreStep& step : plan.steps) step.conflicts.clear();
  plan.rebuild.services = {"db"};
  REQUIRE(add_version_conflicts(engine, plan));
  CHECK(plan.blocking(true).empty());
}

}  // namespace
}  // namespace davit::app
