#include "sources/rebuild/host_check.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "engine/decode.hpp"
#include "support/helper_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/stack.hpp"
#include "support/tree.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;
using test::bind_mount;
using test::volume_mount;

engine::ContainerInfo changed(engine::ContainerInfo info, const std::string& pointer, const json& value) {
  json raw = json::parse(info.raw);
  raw[json::json_pointer(pointer)] = value;
  const auto decoded = engine::decode_container(raw);
  REQUIRE(decoded);
  return *decoded;
}

engine::NetworkInfo network(const std::string& name, const std::string& project, const std::string& subnet,
                            const std::string& key = "default") {
  json labels = json::object();
  if (!project.empty()) labels = {{"com.docker.compose.project", project}, {"com.docker.compose.network", key}};
  const auto info = engine::decode_network({{"Id", "n-" + name},
                                            {"Name", name},
                                            {"Driver", "bridge"},
                                            {"Labels", labels},
                                            {"IPAM", {{"Config", {{{"Subnet", subnet}}}}}}});
  REQUIRE(info);
  return *info;
}

Recorded all_of(const Stack& stack) {
  Recorded containers;
  for (const Service& service : stack.services)
    for (const engine::ContainerInfo& container : service.containers) containers.push_back(&container);
  return containers;
}

std::vector<std::string> whats(const std::vector<Conflict>& conflicts) {
  std::vector<std::string> texts;
  for (const Conflict& conflict : conflicts) {
    CHECK_FALSE(conflict.replaceable);
    CHECK_FALSE(conflict.remedy.empty());
    texts.push_back(conflict.what);
  }
  return texts;
}
using Texts = std::vector<std::string>;

TEST_CASE("names of containers that others have are named with their owners") {
  const Stack stack = test::make_stack(
      {.containers = {test::make_container({.service = "db"}), test::make_container({.service = "web"})}});
  HostView host;
  engine::ContainerInfo other =
      test::make_container({.service = "db", .labels = {{"com.docker.compose.project", "old"}}});
  host.containers = {other};
  CHECK(whats(taken_names(all_of(stack), host)) ==
        Texts{"the name shop-db-1 is that of a container of stack old on this host, which runs"});
  host.containers.clear();
  CHECK(taken_names(all_of(stack), host).empty());
}

TEST_CASE("ports that running containers have are taken, each by its address and protocol") {
  const auto asking = [](const json& bindings) {
    return test::make_stack(
        {.containers = {changed(test::make_container({.service = "web"}), "/HostConfig/PortBindings", bindings)}});
  };
  const auto having = [](const json& ports, bool running = true) {
    engine::ContainerInfo other = changed(
        test::make_container({.service = "x", .running = running, .labels = {{"com.docker.compose.project", "old"}}}),
        "/NetworkSettings/Ports", ports);
    other.name = "nginx";
    HostView host;
    host.containers = {other};
    return host;
  };
  const auto binding = [](const char* port, const char* address = "") {
    return json{{{"HostIp", address}, {"HostPort", port}}};
  };
  const HostView everywhere =
      having({{"80/tcp", {{{"HostIp", "0.0.0.0"}, {"HostPort", "8080"}}, {{"HostIp", "::"}, {"HostPort", "8080"}}}},
              {"81/tcp", nullptr}});
  const auto taken = [](const Stack& stack, const HostView& host) { return whats(taken_ports(all_of(stack), host)); };
  CHECK(taken(asking({{"8000/tcp", binding("8080")}}), everywhere) ==
        Texts{"port 8080 of shop-web-1 is taken by container nginx of stack old"});
  CHECK(taken(asking({{"8000/tcp", binding("8080", "127.0.0.1")}}), everywhere) ==
        Texts{"port 127.0.0.1:8080 of shop-web-1 is taken by container nginx of stack old"});
  CHECK(taken(asking({{"8000/udp", binding("8080")}}), everywhere).empty());
  CHECK(taken(asking({{"8000/tcp", binding("8081")}}), everywhere).empty());
  CHECK(taken(asking({{"8000/tcp", binding("")}}), everywhere).empty());
  CHECK(taken(asking({{"8000/tcp", binding("8080-8090")}}), everywhere).empty());
  const HostView local = having({{"80/udp", {{{"HostIp", "127.0.0.1"}, {"HostPort", "53"}}}}});
  CHECK(taken(asking({{"53/udp", binding("53", "192.168.0.1")}}), local).empty());
  CHECK(taken(asking({{"53/udp", binding("53", "0.0.0.0")}}), local) ==
        Texts{"port 53/udp of shop-web-1 is taken by container nginx of stack old"});
  CHECK(taken(asking({{"8000/tcp", binding("8080")}}), having({{"80/tcp", binding("8080")}}, false)).empty());
}

// Service web in shop_default and in edge, which is nobody's of the project.
Stack networked() {
  const json networks{{"shop_default", {{"NetworkID", "1"}}}, {"edge", {{"NetworkID", "2"}}}};
  return test::make_stack(
      {.containers = {changed(test::make_container({.service = "web"}), "/NetworkSettings/Networks", networks)},
       .networks = {network("shop_default", "shop", "10.5.0.0/16"), network("edge", "", "10.6.0.0/16"),
                    network("shop_unused", "shop", "10.7.0.0/16", "unused")}});
}

TEST_CASE("networks whose name or addresses others have are named") {
  const Stack stack = networked();
  HostView host;
  const auto taken = [&] { return whats(taken_networks(stack, all_of(stack), host)); };
  host.networks = {network("vpn", "", "10.4.0.0/14"), network("lan", "", "10.7.0.0/16")};
  CHECK(taken() ==
        Texts{"network shop_default is to have the addresses 10.5.0.0/16, of which network vpn has 10.4.0.0/14"});
  host.networks = {network("shop_default", "shop", "10.5.0.0/16")};
  CHECK(taken().empty());  // Compose takes it for its own
  host.networks = {network("shop_default", "shop", "172.20.0.0/16")};
  CHECK(taken() == Texts{"network shop_default is there without the addresses 10.5.0.0/16 that it had"});
  host.networks = {network("shop_default", "other", "172.20.0.0/16")};
  CHECK(taken() == Texts{"the name shop_default is that of another network of stack other on this host"});
  host.networks = {network("shop_default", "shop", "172.20.0.0/16", "back")};
  CHECK(taken() == Texts{"the name shop_default is that of another network of stack shop on this host"});
}

TEST_CASE("networks and volumes of others must be there, or come with the restore") {
  Stack stack = networked();
  engine::ContainerInfo db =
      test::make_container({.service = "db",
                            .mounts = {volume_mount("shop_db", "/data"), volume_mount("shared", "/shared"),
                                       volume_mount(std::string(64, 'a'), "/anon")}});
  stack = test::make_stack({.containers = {db, stack.services[0].containers[0]},
                            .volumes = {test::make_volume_info("shop_db", "db"), test::make_volume_info("shared", "")},
                            .networks = stack.networks});
  HostView host;
  const auto missing = [&](const std::function<bool(const std::string&)>& restores = {}) {
    return whats(missing_externals(stack, all_of(stack), host, restores));
  };
  CHECK(missing() ==
        Texts{"network edge, which shop-web-1 is connected to and which isn't the stack's, is missing",
              "volume shared, which shop-db-1 mounts and which is neither the stack's nor restored, is missing"});
  CHECK(missing([](const std::string& volume) { return volume == "shared"; }).size() == 1);
  host.networks = {network("edge", "", "10.6.0.0/16")};
  host.volumes = {"shared"};
  CHECK(missing().empty());
}

TEST_CASE("an Engine is looked at with everything on it") {
  test::FakeEngine engine;
  engine.add_network("edge");
  engine.add_volume("shared");
  engine::ContainerInfo container;
  container.name = "nginx";
  engine.add_container(container);
  const auto host = look_at_host(engine);
  REQUIRE(host);
  CHECK(host->containers.size() == 1);
  CHECK(host->find_network("edge") != nullptr);
  CHECK(host->find_network("other") == nullptr);
  CHECK(host->volumes.contains("shared"));
}

TEST_CASE("paths of the host that nobody brings are missing") {
  test::HelperEngine engine;
  test::QuietRun run;
  helper::Host host{engine, {.image = {}, .self_container = "davit", .attach_only = true, .program = {}}};
  engine.add_image("busybox");
  engine::ContainerInfo self;
  self.name = "davit";
  engine.add_container(self);
  const test::Tree tree;
  test::make_file(tree / "there", "x");
  const std::string root = tree.path();
  const std::string project = root + "/shop";
  engine::ContainerInfo web =
      test::make_container({.service = "web",
                            .mounts = {bind_mount(root + "/there", "/a"), bind_mount(root + "/certs/key.pem", "/b"),
                                       bind_mount(root + "/old/x", "/c"), bind_mount("/srv/shop/config", "/d"),
                                       bind_mount(root + "/restored", "/e"), bind_mount("/proc/stat", "/f"),
                                       bind_mount(root + "/gone", "/g"), bind_mount(root + "/no root/.db", "/h"),
                                       bind_mount(root + "/no root/.opensearch", "/i")}});
  web = changed(web, "/HostConfig/Devices", {{{"PathOnHost", root + "/dev0"}, {"PathInContainer", "/dev/x"}}});
  const Stack stack = test::make_stack({.containers = {web}});
  PathsOptions options{.moved = {{{"/srv/shop", project}, {root + "/old", root + "/new"}}}};
  options.may_make = [&](const std::string& path) { return path == project + "/config"; };
  options.restores_path = [&](const std::string& path) { return path == root + "/restored"; };
  const auto missing = missing_paths(host, stack, all_of(stack), {}, options, run.context);
  REQUIRE(missing);
  const auto line = [&](const char* path, const char* how) {
    return root + path + ", which shop-web-1 " + how + ", is missing on this host and not in the backup";
  };
  CHECK(whats(*missing) == Texts{line("/dev0", "has as a device"), line("/gone", "mounts"),
                                 line("/certs/key.pem", "mounts"), line("/new/x", "mounts")});
  CHECK(engine.helper_names().empty());
}

TEST_CASE("a directory that the Engine wouldn't make is missing, even where Compose would make one") {
  test::HelperEngine engine;
  test::QuietRun run;
  helper::Host host{engine, {.image = {}, .self_container = "davit", .attach_only = true, .program = {}}};
  engine.add_image("busybox");
  engine::ContainerInfo self;
  self.name = "davit";
  engine.add_container(self);
  const test::Tree tree;
  const std::string root = tree.path();
  std::vector<engine::Mount> mounts;
  for (const char* name : {"/short", "/long", "/strict"}) mounts.push_back(bind_mount(root + name, name));
  for (const char* volume : {"shop_bound", "shop_there", "shop_share"}) mounts.push_back(volume_mount(volume, "/v"));
  const auto long_form = [&](const char* name, const json& options) {
    return json{{"Type", "bind"}, {"Source", root + name}, {"Target", name}, {"BindOptions", options}};
  };
  const engine::ContainerInfo web =
      changed(test::make_container({.service = "web", .mounts = mounts}), "/HostConfig/Mounts",
              {long_form("/long", {{"CreateMountpoint", true}}), long_form("/strict", json::object())});
  const auto volume = [&](const char* name, const char* options) {
    return test::make_volume_info(name, name, {}, {{"type", "none"}, {"o", options}, {"device", root + "/" + name}});
  };
  const Stack stack = test::make_stack({.containers = {web},
                                        .volumes = {volume("shop_bound", "rw,bind"), volume("shop_there", "bind"),
                                                    volume("shop_share", "addr=10.0.0.1")}});
  HostView view;
  view.volumes = {"shop_there"};
  PathsOptions options;
  options.may_make = [](const std::string&) { return true; };
  const auto missing = missing_paths(host, stack, all_of(stack), view, options, run.context);
  REQUIRE(missing);
  CHECK(whats(*missing) ==
        Texts{root + "/shop_bound, which volume shop_bound lies in, is missing on this host",
              root + "/strict, which shop-web-1 mounts, is missing on this host and not in the backup"});
}

}  // namespace
}  // namespace davit::sources
