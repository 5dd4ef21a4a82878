#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "cli/render.hpp"
#include "support/stack.hpp"

namespace davit::cli {
namespace {

app::RestorePlan sample() {
  app::RestorePlan plan;
  plan.entry.id = "20261121T083000Z-4f2a";
  plan.entry.stack = plan.manifest.stack = "shop";
  plan.project_dir = "/srv/shop";
  sources::StackParts parts;
  parts.containers.push_back(test::make_container({.service = "app"}));
  parts.containers.push_back(test::make_container({.service = "idle", .running = false}));
  plan.recorded = test::make_stack(std::move(parts));
  plan.rebuild.services = {"app", "idle"};
  plan.rebuild.containers = {"shop-app-1", "shop-idle-1"};
  plan.rebuild.networks = {"shop_default"};
  plan.rebuild.volumes = {"shop_cache"};
  sources::ImageStep image;
  image.reference = "app:1";
  image.digest = "app@sha256:00";
  image.how = sources::ImageStep::How::pull;
  plan.rebuild.images = {image};
  plan.rebuild.conflicts = {{"port 80 is taken by other", "stop it: docker stop other", false},
                            {"tag app:1 names another image", "pass --replace", true}};
  plan.rebuild.notes = {"paths have moved"};
  return plan;
}

}  // namespace

TEST_CASE("a plan shows what is made, of what, in which order, and what is in the way of it") {
  const std::string text = render_restore_plan(sample(), false);
  for (const char* part : {"\nwill be made:\n  network    shop_default\n  volume     shop_cache    empty\n"
                           "  container  shop-app-1\n  container  shop-idle-1\n",
                           "\nof these images:\n  app:1  to be pulled  app@sha256:00\n",
                           "\nin this order services are started:\n  app\n", "\nto know:\n  paths have moved\n",
                           "\nstands in the way:\n  port 80 is taken by other      stop it: docker stop other\n"
                           "  tag app:1 names another image  pass --replace\n"}) {
    INFO(text);
    CHECK(text.contains(part));
  }
  const std::string replaced = render_restore_plan(sample(), true);
  CHECK(replaced.contains("\nwill be replaced:\n  tag app:1 names another image\n"));
  CHECK(replaced.contains("stands in the way:\n  port 80"));
}

TEST_CASE("a plan that makes nothing says nothing of it") {
  app::RestorePlan plan = sample();
  plan.rebuild = {};
  const std::string text = render_restore_plan(plan, false);
  CHECK_FALSE(text.contains("made"));
  CHECK_FALSE(text.contains("started"));
  CHECK_FALSE(text.contains("in the way"));
}

TEST_CASE("a plan as JSON has the same") {
  const auto json = restore_plan_to_json(sample(), true);
  const auto& made = json["made"];
  CHECK(json["project_dir"] == "/srv/shop");
  CHECK(made["networks"] == nlohmann::json{"shop_default"});
  CHECK(made["volumes"] == nlohmann::json{"shop_cache"});
  CHECK(made["containers"] == nlohmann::json{"shop-app-1", "shop-idle-1"});
  CHECK(made["started"] == nlohmann::json{"app"});
  CHECK(made["images"][0]["pulled"] == true);
  CHECK(made["images"][0]["present"] == false);
  CHECK(made["conflicts"][0]["blocks"] == true);
  CHECK(made["conflicts"][1]["blocks"] == false);
}

TEST_CASE("a report says what runs, and names what doesn't and did") {
  app::RestoreReport report;
  report.plan = sample();
  report.services = {
      {"app", 2, 2, "healthy", true, true}, {"db", 1, 0, "", false, true}, {"idle", 1, 0, "", true, false}};
  const std::string text = render_restore_report(report);
  INFO(text);
  CHECK(text.contains("\nservices that were made:\n  app   2 of 2 run, healthy\n  idle  doesn't run\n"));
  CHECK(text.contains("(docker compose up -d starts them):\n  db  doesn't run\n"));
  const auto json = restore_report_to_json(report, false);
  CHECK(json["services"][0]["running"] == 2);
  CHECK(json["services"][1]["ran"] == true);
  CHECK(json["backup"] == "20261121T083000Z-4f2a");
}

}  // namespace davit::cli
