#include "app/quiesce/plan.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "support/stack.hpp"

using namespace davit;
using namespace davit::app;
using davit::test::bind_mount;
using davit::test::ContainerSketch;
using davit::test::make_container;
using davit::test::volume_mount;
using model::Consistency;
using Names = std::vector<std::string>;

namespace {

model::Item volume_item(const std::string& key, Names services = {}) {
  model::Item item;
  item.id = {model::ItemKind::volume, key};
  item.attributes["volume"] = "shop_" + key;
  item.services = std::move(services);
  return item;
}

model::Item item_of(model::ItemKind kind, const std::string& name, Names services = {}) {
  model::Item item;
  item.id = {kind, name};
  item.services = std::move(services);
  item.consistency = Consistency::dump;
  return item;
}

struct World {
  std::vector<ContainerSketch> containers;
  std::vector<engine::VolumeInfo> volumes = {};
  std::vector<engine::ContainerInfo> others = {};  // that run, and are not of the stack
  std::vector<std::string> paused = {};            // names of containers

  [[nodiscard]] QuiescePlan plan(const std::vector<model::Item>& items, const QuiesceOptions& options = {}) const {
    sources::StackParts parts;
    for (const ContainerSketch& sketch : containers) parts.containers.push_back(make_container(sketch));
    for (engine::ContainerInfo& container : parts.containers)
      if (std::ranges::contains(paused, container.name)) {
        container.state.paused = true;
        container.state.status = "paused";
      }
    parts.volumes = volumes;
    const sources::Stack stack = test::make_stack(std::move(parts));
    std::vector<engine::ContainerInfo> running = test::running_of(stack);
    running.insert(running.end(), others.begin(), others.end());
    return plan_quiesce(stack, items, running, options);
  }
};

// "app pause, db stop", in the order of starting.
std::string services_of(const QuiescePlan& plan) {
  std::string text;
  for (const QuiescedService& service : plan.services)
    text += (text.empty() ? "" : ", ") + service.name + " " + std::string(name_of(service.how));
  return text;
}

Names held_for(const QuiescePlan& plan, const model::Item& item) {
  Names names;
  for (const std::size_t index : plan.items.at(item.id).held) names.push_back(plan.services.at(index).name);
  return names;
}

Consistency consistency_of(const QuiescePlan& plan, const model::Item& item) {
  return plan.items.at(item.id).consistency.value();
}

std::string finding_of(const QuiescePlan& plan, const model::Item& item) {
  const auto& findings = plan.items.at(item.id).findings;
  return findings.empty() ? "" : findings.front().what;
}

engine::ContainerInfo stranger(const std::string& project, const std::string& volume, engine::Labels labels = {}) {
  if (!project.empty()) labels["com.docker.compose.project"] = project;
  engine::ContainerInfo container;
  container.id.value = "stranger";
  container.name = "stranger-1";
  container.labels = std::move(labels);
  container.mounts = {volume_mount(volume, "/v")};
  container.state.running = true;
  container.state.status = "running";
  return container;
}

}  // namespace

TEST_CASE("who writes a volume is paused while it is read, and nobody else", "[quiesce]") {
  const World world{{{.service = "app", .mounts = {volume_mount("shop_data", "/d")}},
                     {.service = "off", .mounts = {volume_mount("shop_data", "/d")}, .running = false},
                     {.service = "reader", .mounts = {volume_mount("shop_data", "/d", false)}},
                     {.service = "other"}}};
  const auto data = volume_item("data");
  const auto plan = world.plan({data});
  CHECK(services_of(plan) == "app pause");
  CHECK(held_for(plan, data) == Names{"app"});
  CHECK(consistency_of(plan, data) == Consistency::paused);
  CHECK(finding_of(plan, data).empty());
}

TEST_CASE("who uses the network of one that is stopped is stopped with it", "[quiesce]") {
  World world{{{.service = "vpn", .mounts = {volume_mount("shop_data", "/d")}, .labels = {{"davit.quiesce", "stop"}}},
               {.service = "side", .labels = {{"com.docker.compose.depends_on", "vpn:service_started:true"}}},
               {.service = "live", .labels = {{"davit.quiesce", "none"}}},
               {.service = "far"}}};
  const std::string vpn = make_container(world.containers[0]).id.value;
  const auto data = volume_item("data");
  CHECK(services_of(world.plan({data})) == "vpn stop");
  world.containers[1].network_mode = "container:" + vpn;
  world.containers[2].network_mode = "container:" + vpn;
  world.containers[3].network_mode = "container:somebody";
  const auto plan = world.plan({data});
  CHECK(services_of(plan) == "vpn stop, side stop");
  CHECK(held_for(plan, data) == Names{"vpn", "side"});
  REQUIRE(plan.findings.size() == 1);
  CHECK(plan.findings[0].what.contains("shop-live-1 uses the network of service vpn"));
  world.containers[0].labels = {{"davit.quiesce", "pause"}};
  CHECK(services_of(world.plan({data})) == "vpn pause");
}

TEST_CASE("a volume that nobody writes is as stopped", "[quiesce]") {
  const World world{{{.service = "app", .mounts = {volume_mount("shop_data", "/d")}, .running = false}}};
  const auto plan = world.plan({volume_item("data")});
  CHECK(plan.services.empty());
  CHECK(consistency_of(plan, volume_item("data")) == Consistency::stopped);
}

TEST_CASE("labels say how a service is held, and a volume's wins for that volume", "[quiesce]") {
  const auto data = volume_item("data");
  const auto cache = volume_item("cache");
  World world{{{.service = "app",
                .mounts = {volume_mount("shop_data", "/d"), volume_mount("shop_cache", "/c")},
                .labels = {{"davit.quiesce", "stop"}, {"davit.quiesce.max", "90"}}}},
              {test::make_volume_info("shop_data", "data"),
               test::make_volume_info("shop_cache", "cache", {{"davit.quiesce", "none"}})}};
  auto plan = world.plan({data, cache});
  CHECK(services_of(plan) == "app stop");
  CHECK(plan.services.front().max == std::chrono::seconds(90));
  CHECK(consistency_of(plan, data) == Consistency::stopped);
  CHECK(held_for(plan, cache).empty());
  CHECK(consistency_of(plan, cache) == Consistency::live);
  CHECK(finding_of(plan, cache).empty());  // it was asked for

  // Paused for one and stopped for another is stopped; the shorter time counts.
  world.containers.front().labels = {{"davit.quiesce.max", "90"}};
  world.volumes = {
      test::make_volume_info("shop_data", "data", {{"davit.quiesce", "stop"}, {"davit.quiesce.max", "10"}}),
      test::make_volume_info("shop_cache", "cache")};
  plan = world.plan({data, cache});
  CHECK(services_of(plan) == "app stop");
  CHECK(plan.services.front().max == std::chrono::seconds(10));
  CHECK(consistency_of(plan, cache) == Consistency::stopped);
  // And alone it is paused.
  CHECK(services_of(world.plan({cache})) == "app pause");
}

TEST_CASE("a bind is written by whoever mounts it, something above it or something in it", "[quiesce]") {
  const World world{{{.service = "above", .mounts = {bind_mount("/srv/shop", "/p")}},
                     {.service = "beside", .mounts = {bind_mount("/srv/shop/conf.d", "/p")}},
                     {.service = "in", .mounts = {bind_mount("/srv/shop/conf/sub/", "/p")}},
                     {.service = "reads", .mounts = {bind_mount("/srv/shop/conf", "/p", false)}},
                     {.service = "same", .mounts = {bind_mount("/srv/shop/./conf", "/p")}}}};
  auto conf = item_of(model::ItemKind::bind, "conf");
  conf.attributes["path"] = "/srv/shop/conf";
  const auto plan = world.plan({conf});
  CHECK(held_for(plan, conf) == Names{"above", "in", "same"});
  CHECK(consistency_of(plan, conf) == Consistency::paused);
}

TEST_CASE("who looks at the whole host is no writer of a bind, and who looks at the project is", "[quiesce]") {
  auto conf = item_of(model::ItemKind::bind, "conf");
  conf.attributes["path"] = "/srv/shop/conf";
  World world{{{.service = "app", .mounts = {bind_mount("/", "/host")}}}};
  world.others = {stranger("", "unrelated")};
  for (const auto& [source, consistency] :
       {std::pair{"/", Consistency::paused}, std::pair{"/srv", Consistency::paused},
        std::pair{"/srv/shop", Consistency::live}, std::pair{"/srv/shop/conf/x", Consistency::live}}) {
    INFO(source);
    world.others[0].mounts = {bind_mount(source, "/m")};
    const auto plan = world.plan({conf});
    CHECK(held_for(plan, conf) == Names{"app"});
    CHECK(consistency_of(plan, conf) == consistency);
    CHECK(plan.items.at(conf.id).findings.empty() == (consistency == Consistency::paused));
  }
}

TEST_CASE("containers of other stacks, of none and of runs by hand are never held", "[quiesce]") {
  const auto data = volume_item("data");
  World world{{{.service = "app", .mounts = {volume_mount("shop_data", "/d")}}}};
  world.others = {stranger("blog", "shop_data")};
  auto plan = world.plan({data});
  CHECK(services_of(plan) == "app pause");
  CHECK(consistency_of(plan, data) == Consistency::live);
  CHECK(finding_of(plan, data) == "container stranger-1 writes it, and is not held: it belongs to stack blog");
  world.others = {stranger("", "shop_data")};
  CHECK(finding_of(world.plan({data}), data) ==
        "container stranger-1 writes it, and is not held: it belongs to no stack");
  world.others = {
      stranger("shop", "shop_data", {{"com.docker.compose.service", "app"}, {"com.docker.compose.oneoff", "True"}})};
  CHECK(finding_of(world.plan({data}), data) ==
        "container stranger-1 writes it, and is not held: it is no service's (docker compose run)");
}

TEST_CASE("davit itself and what is davit's are no writers", "[quiesce]") {
  const auto data = volume_item("data");
  World world{{{.service = "davit", .mounts = {volume_mount("shop_data", "/d")}}}};
  world.others = {stranger("", "shop_data", {{"davit.role", "guard"}})};
  const auto plan = world.plan({data}, {.self = "id-davit-1"});
  CHECK(plan.services.empty());
  CHECK(consistency_of(plan, data) == Consistency::stopped);
  CHECK(world.plan({data}, {.consistent = true, .self = "id-davit-1"}).services.empty());
}

TEST_CASE("who is paused already stays so", "[quiesce]") {
  const auto data = volume_item("data");
  World world{{{.service = "app", .mounts = {volume_mount("shop_data", "/d")}, .labels = {{"davit.quiesce", "stop"}}}}};
  world.paused = {"shop-app-1"};
  auto plan = world.plan({data});
  CHECK(plan.services.empty());
  CHECK(consistency_of(plan, data) == Consistency::paused);
  CHECK(world.plan({data}, {.consistent = true}).services.empty());
  // A second one that runs is held all the same.
  world.containers.push_back({.service = "app", .mounts = {volume_mount("shop_data", "/d")}, .number = 2});
  plan = world.plan({data});
  CHECK(services_of(plan) == "app stop");
  CHECK(consistency_of(plan, data) == Consistency::paused);
}

TEST_CASE("consistent: everything is held at once but databases that are dumped, and who is not to be held",
          "[quiesce]") {
  const auto data = volume_item("data");
  const auto pgdata = volume_item("pgdata");
  const auto dump = item_of(model::ItemKind::postgres, "db", {"db"});
  const auto definition = item_of(model::ItemKind::stack, "definition", {"app", "db", "web"});
  const World world{{{.service = "app",
                      .mounts = {volume_mount("shop_data", "/d")},
                      .labels = {{"com.docker.compose.depends_on", "db:service_started:false"}}},
                     {.service = "db", .mounts = {volume_mount("shop_pgdata", "/d")}},
                     {.service = "log", .labels = {{"davit.quiesce", "none"}}},
                     {.service = "off", .running = false},
                     {.service = "web", .labels = {{"davit.quiesce", "stop"}}}}};
  auto plan = world.plan({definition, dump, data, pgdata}, {.consistent = true});
  CHECK(plan.consistent);
  CHECK(services_of(plan) == "app pause, web stop");
  CHECK(held_for(plan, dump) == Names{"app", "web"});
  CHECK(held_for(plan, data) == Names{"app", "web"});
  CHECK(consistency_of(plan, data) == Consistency::paused);
  CHECK(consistency_of(plan, pgdata) == Consistency::live);
  CHECK_FALSE(plan.items.contains(definition.id));
  CHECK_FALSE(plan.items.at(dump.id).consistency);

  // Where the dump is left out, the database is one of them.
  plan = world.plan({data, pgdata}, {.consistent = true});
  CHECK(services_of(plan) == "db pause, app pause, web stop");
  CHECK(consistency_of(plan, pgdata) == Consistency::paused);
  CHECK(plan.services[1].needs == Names{"db"});
}

TEST_CASE("hooks belong to the services whose data is read, and are named where they are off", "[quiesce]") {
  const auto data = volume_item("data", {"app", "cache", "off"});
  const auto definition = item_of(model::ItemKind::stack, "definition", {"app", "cache", "unread"});
  const engine::Labels hooks{{"davit.before", R"(["save"])"}, {"davit.after", R"(["go", "on"])"}};
  engine::Labels timed = hooks;
  timed["davit.hook.timeout"] = "5";
  timed["davit.hook.user"] = "redis";
  const World world{{{.service = "app", .mounts = {volume_mount("shop_data", "/d")}, .labels = timed},
                     {.service = "cache", .labels = {{"davit.quiesce", "none"}, {"davit.before", R"(["save"])"}}},
                     {.service = "off", .running = false, .labels = hooks},
                     {.service = "unread", .labels = hooks}}};
  auto plan = world.plan({definition, data}, {.allow_hooks = true});
  CHECK(services_of(plan) == "app pause, cache none");
  CHECK(plan.items.at(data.id).touched == std::vector<std::size_t>{0, 1});
  CHECK(held_for(plan, data) == Names{"app"});
  CHECK(plan.services[0].before.argv == Names{"save"});
  CHECK(plan.services[0].after.argv == Names{"go", "on"});
  CHECK(plan.services[0].after.user == "redis");
  CHECK(plan.services[0].before.timeout == std::chrono::seconds(5));
  CHECK(plan.findings.empty());

  plan = world.plan({definition, data});
  CHECK(plan.services[0].before.argv.empty());
  CHECK(plan.services[0].after.argv.empty());
  REQUIRE(plan.findings.size() == 2);
  CHECK(plan.findings[0].what == "davit.before and davit.after of service app not run: --allow-hooks is not set");
  CHECK(plan.findings[1].what == "davit.before of service cache not run: --allow-hooks is not set");
}

TEST_CASE("dumps are read first, and items that share services follow one another", "[quiesce]") {
  const World world{{{.service = "app", .mounts = {volume_mount("shop_a", "/a"), volume_mount("shop_c", "/c")}},
                     {.service = "web", .mounts = {volume_mount("shop_b", "/b"), volume_mount("shop_d", "/d")}}}};
  const std::vector<model::Item> items{item_of(model::ItemKind::stack, "definition"),
                                       volume_item("a"),
                                       volume_item("b"),
                                       volume_item("c"),
                                       volume_item("d"),
                                       volume_item("free"),
                                       item_of(model::ItemKind::postgres, "db")};
  Names order;
  for (const model::Item& item : in_reading_order(items, world.plan(items))) order.push_back(item.id.text());
  CHECK(order ==
        Names{"stack:definition", "postgres:db", "volume:free", "volume:a", "volume:c", "volume:b", "volume:d"});
}

TEST_CASE("a broker is stopped behind the export of its definitions, also where all are held at once", "[quiesce]") {
  const auto data = volume_item("mq");
  const auto other = volume_item("a");
  const auto definitions = item_of(model::ItemKind::rabbitmq, "mq", {"mq"});
  const auto dump = item_of(model::ItemKind::postgres, "db", {"db"});
  const auto directory = item_of(model::ItemKind::ldap, "ldap", {"ldap"});
  const World world{{{.service = "app", .mounts = {volume_mount("shop_a", "/a")}},
                     {.service = "db"},
                     {.service = "ldap"},
                     {.service = "mq",
                      .mounts = {volume_mount("shop_mq", "/var/lib/rabbitmq")},
                      .labels = {{"davit.quiesce", "stop"}}}}};
  const std::vector<model::Item> items{other, data, dump, directory, definitions};
  for (const bool consistent : {false, true}) {
    const auto plan = world.plan(items, {.consistent = consistent});
    CHECK(services_of(plan) == "app pause, mq stop");
    CHECK(held_for(plan, definitions).empty());
    CHECK(consistency_of(plan, data) == Consistency::stopped);
    const auto order = in_reading_order(items, plan);
    CHECK(order.front().id == definitions.id);
    CHECK(order[1].id == dump.id);
    CHECK(order[2].id == directory.id);
  }
}
