// Against a real Engine, and so only when asked for: davit_unit "[.real-engine]", with DOCKER_HOST or the usual socket,
// and a local image that has sh (DAVIT_TEST_IMAGE). What the Engine says of a container is made anew from the record of
// it, and the Engine must say the same again.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/command.hpp"
#include "engine/http_engine.hpp"
#include "sources/injected_files.hpp"
#include "sources/rebuild/container_body.hpp"
#include "sources/rebuild/network_body.hpp"
#include "support/stack.hpp"
#include "support/tar.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

std::string test_image() {
  const char* image = std::getenv("DAVIT_TEST_IMAGE");
  return image != nullptr ? image : "davit-base/debian:trixie";
}

template <class T>
T value_of(Result<T> result) {
  if (!result) FAIL(result.error().message());
  return std::move(*result);
}
void check_ok(const Result<>& result) {
  if (!result) FAIL(result.error().message());
}

// What was made, removed at the end.
struct Bench {
  std::unique_ptr<engine::HttpEngine> engine =
      value_of(engine::HttpEngine::connect(value_of(engine::parse_address(Environment::of_process()))));
  std::string prefix = "davit-unit-" + random_hex(4);
  std::vector<engine::ContainerId> containers;
  std::vector<std::string> networks;
  std::vector<std::string> volumes;

  Bench() = default;
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() {
    for (const engine::ContainerId& id : containers) static_cast<void>(engine->remove_container(id, true));
    for (const std::string& network : networks) static_cast<void>(engine->remove_network(network));
    for (const std::string& volume : volumes) static_cast<void>(engine->remove_volume(volume));
  }

  std::string network(const std::string& name, json body = json::object()) {
    body["Name"] = prefix + name;
    body["CheckDuplicate"] = true;
    networks.push_back(prefix + name);
    static_cast<void>(value_of(engine->create_network(body)));
    return prefix + name;
  }
  engine::ContainerInfo make(const std::string& name, const json& body,
                             const std::map<std::string, json>& further = {}) {
    const auto id = value_of(engine->create_container(name, body));
    containers.push_back(id);
    for (const auto& [network, endpoint] : further) check_ok(engine->connect_network(network, id, endpoint));
    return value_of(engine->inspect_container(id));
  }
  // Starts it, and removes it after the record was taken.
  engine::ContainerInfo record_and_remove(const engine::ContainerInfo& made) {
    check_ok(engine->start_container(made.id));
    auto info = value_of(engine->inspect_container(made.id));
    check_ok(engine->remove_container(made.id, true));
    return info;
  }
  engine::ContainerInfo make_anew(const engine::ContainerInfo& recorded, const BodyOptions& options = {}) {
    const ContainerBody body = value_of(container_body(recorded, options));
    const auto made = make(body.name, body.body, body.networks);
    check_ok(engine->start_container(made.id));
    return value_of(engine->inspect_container(made.id));
  }
};

// Empty texts, lists and objects, zeros and false are what isn't set: Engines write some of them so, and some as null.
bool is_unset(const json& value) {
  return value.is_null() || value == "" || value == 0 || value == false || (value.is_structured() && value.empty());
}

json normal(const json& value) {
  if (!value.is_object()) return value;
  json result = json::object();
  for (const auto& [name, each] : value.items())
    if (json inner = normal(each); !is_unset(inner)) result[name] = std::move(inner);
  return result;
}

json endpoint_without_choices(json endpoint, const std::string& short_id) {
  for (const char* name : {"NetworkID", "EndpointID", "Gateway", "IPAddress", "MacAddress", "IPPrefixLen", "DNSNames"})
    endpoint.erase(name);
  if (endpoint.value("Aliases", json()).is_array()) {
    json aliases = json::array();
    for (const json& alias : endpoint["Aliases"])
      if (alias != short_id) aliases.push_back(alias);
    endpoint["Aliases"] = aliases;
  }
  return endpoint;
}

// What is the user's of it, not the Engine's.
json essence_of(const engine::ContainerInfo& info) {
  const json raw = json::parse(info.raw);
  json essence{{"name", raw["Name"]}, {"image", raw["Image"]}, {"config", raw["Config"]}, {"host", raw["HostConfig"]}};
  if (info.hostname == engine::short_id(info.id.value)) essence["config"].erase("Hostname");
  essence["host"].erase("ConsoleSize");
  for (const auto& [name, endpoint] : raw["NetworkSettings"]["Networks"].items())
    essence["networks"][name] = endpoint_without_choices(endpoint, engine::short_id(info.id.value));
  std::vector<json> mounts;
  for (json mount : raw["Mounts"]) {
    if (mount.value("Name", "").size() == 64)
      for (const char* name : {"Name", "Source"}) mount.erase(name);
    mounts.push_back(mount);
  }
  std::ranges::sort(mounts, {}, [](const json& mount) { return mount["Destination"].get<std::string>(); });
  essence["mounts"] = mounts;
  return normal(essence);
}

// JSON Patch of what differs: for CHECK(difference(a, b) == json::array()).
json difference(const engine::ContainerInfo& expected, const engine::ContainerInfo& found) {
  return json::diff(essence_of(expected), essence_of(found));
}

const json kIdle{"sleep", "600"};

TEST_CASE("a container with everything set is made anew as it was", "[.real-engine]") {
  Bench bench;
  const std::string front = bench.network("-front");
  const std::string back = bench.network("-back", {{"IPAM", {{"Config", {{{"Subnet", "10.213.77.0/24"}}}}}}});
  const std::string volume = bench.prefix + "-data";
  bench.volumes.push_back(volume);
  check_ok(bench.engine->create_volume(volume, "local", {}, {}));
  const json body = {
      {"Image", test_image()},
      {"Cmd", {"-c", "sleep 600"}},
      {"Entrypoint", {"sh"}},
      {"Env", {"A=1", "B=two words", "EMPTY="}},
      {"User", "1:1"},
      {"WorkingDir", "/tmp"},
      {"Hostname", "rabbit1"},
      {"Domainname", "example.test"},
      {"Tty", true},
      {"OpenStdin", true},
      {"StopSignal", "SIGINT"},
      {"StopTimeout", 33},
      {"ExposedPorts", {{"5000/tcp", json::object()}, {"53/udp", json::object()}}},
      {"Volumes", {{"/anon", json::object()}}},
      {"Labels",
       {{"com.docker.compose.project", "p"}, {"com.docker.compose.config-hash", "h"}, {"x.y", "ü, \"quoted\""}}},
      {"Healthcheck",
       {{"Test", {"CMD", "true"}}, {"Interval", 5000000000}, {"Retries", 4}, {"StartPeriod", 1000000000}}},
      {"HostConfig",
       {{"Binds", {volume + ":/data:rw", "/etc:/host-etc:ro"}},
        {"Mounts",
         {{{"Type", "bind"}, {"Source", "/usr"}, {"Target", "/host-usr"}, {"ReadOnly", true}},
          {{"Type", "tmpfs"}, {"Target", "/scratch"}, {"TmpfsOptions", {{"SizeBytes", 1048576}}}},
          {{"Type", "volume"}, {"Target", "/unnamed"}}}},
        {"Tmpfs", {{"/run", "size=1m"}}},
        {"PortBindings", {{"5000/tcp", {{{"HostIp", "127.0.0.1"}, {"HostPort", ""}}}}}},
        {"RestartPolicy", {{"Name", "on-failure"}, {"MaximumRetryCount", 3}}},
        {"Memory", 134217728},
        {"MemoryReservation", 67108864},
        {"NanoCpus", 500000000},
        {"CpuShares", 512},
        {"PidsLimit", 100},
        {"ShmSize", 33554432},
        {"CapAdd", {"NET_ADMIN"}},
        {"CapDrop", {"MKNOD"}},
        {"Devices", {{{"PathOnHost", "/dev/null"}, {"PathInContainer", "/dev/nothing"}, {"CgroupPermissions", "r"}}}},
        {"LogConfig", {{"Type", "json-file"}, {"Config", {{"max-size", "1m"}, {"max-file", "2"}}}}},
        {"Ulimits", {{{"Name", "nofile"}, {"Soft", 1024}, {"Hard", 2048}}}},
        {"Sysctls", {{"net.ipv4.ip_forward", "1"}}},
        {"ExtraHosts", {"db.example.test:10.0.0.9", "gw:host-gateway"}},
        {"Dns", {"10.0.0.53"}},
        {"DnsSearch", {"example.test"}},
        {"DnsOptions", {"ndots:2"}},
        {"Init", true},
        {"ReadonlyRootfs", true},
        {"SecurityOpt", {"no-new-privileges"}},
        {"GroupAdd", {"100"}},
        {"OomScoreAdj", 100},
        {"IpcMode", "private"},
        {"MaskedPaths", json::array()},
        {"ReadonlyPaths", json::array()},
        {"NetworkMode", front}}},
      {"NetworkingConfig", {{"EndpointsConfig", {{front, {{"Aliases", {"web", "www"}}}}}}}}};
  const auto recorded = bench.record_and_remove(
      bench.make(bench.prefix + "-web", body,
                 {{back, {{"Aliases", {"inside"}}, {"IPAMConfig", {{"IPv4Address", "10.213.77.9"}}}}}}));
  const auto anew = bench.make_anew(recorded);
  CHECK(difference(recorded, anew) == json::array());
  // The comparison is one: it sees what it has to.
  const json essence = essence_of(anew);
  CHECK(essence["networks"][back]["IPAMConfig"]["IPv4Address"] == "10.213.77.9");
  CHECK(essence["config"]["Hostname"] == "rabbit1");
  CHECK(essence["host"]["Ulimits"][0]["Hard"] == 2048);
  CHECK(essence["mounts"].size() == json::parse(recorded.raw)["Mounts"].size());
}

TEST_CASE("a container with nothing set is made anew as it was", "[.real-engine]") {
  Bench bench;
  const auto recorded =
      bench.record_and_remove(bench.make(bench.prefix + "-plain", {{"Image", test_image()}, {"Cmd", kIdle}}));
  CHECK(difference(recorded, bench.make_anew(recorded)) == json::array());
}

TEST_CASE("privileged, without networks, and in the host's, a container is made anew as it was", "[.real-engine]") {
  Bench bench;
  for (const char* mode : {"none", "host"}) {
    INFO(mode);
    const auto recorded = bench.record_and_remove(
        bench.make(bench.prefix + "-" + mode,
                   {{"Image", test_image()},
                    {"Cmd", kIdle},
                    {"HostConfig", {{"NetworkMode", mode}, {"PidMode", mode == std::string("host") ? "host" : ""}}}}));
    CHECK(difference(recorded, bench.make_anew(recorded)) == json::array());
  }
}

TEST_CASE("a container in another's network is made anew in that of the new one", "[.real-engine]") {
  Bench bench;
  const std::string front = bench.network("-front");
  const auto other = bench.make(bench.prefix + "-other",
                                {{"Image", test_image()}, {"Cmd", kIdle}, {"HostConfig", {{"NetworkMode", front}}}});
  check_ok(bench.engine->start_container(other.id));
  const auto side = bench.make(
      bench.prefix + "-side",
      {{"Image", test_image()},
       {"Cmd", kIdle},
       {"HostConfig", {{"NetworkMode", "container:" + other.id.value}, {"PidMode", "container:" + other.id.value}}}});
  const auto recorded_side = bench.record_and_remove(side);
  CHECK(shared_containers(recorded_side) == std::vector<std::string>{other.id.value});
  const auto recorded_other = value_of(bench.engine->inspect_container(other.id));
  check_ok(bench.engine->remove_container(other.id, true));
  const auto anew = bench.make_anew(recorded_other);
  BodyOptions options;
  options.new_id = [&](const std::string& id) {
    return id == other.id.value ? std::optional(anew.id.value) : std::nullopt;
  };
  const auto side_anew = bench.make_anew(recorded_side, options);
  CHECK(side_anew.network_mode == "container:" + anew.id.value);
  CHECK(side_anew.state.running);
}

TEST_CASE("what Compose has written into a container is found, and given to one that is made anew", "[.real-engine]") {
  Bench bench;
  const auto made = bench.make(bench.prefix + "-written",
                               {{"Image", test_image()}, {"Cmd", {"sh", "-c", "echo x > /own; sleep 600"}}});
  // As Compose does it: a tar, in whole seconds.
  stream::TarEntry entry = test::tar_file("etc/app/app.conf", 6);
  entry.mode = 0440;
  entry.uid = 33;
  entry.mtime_ns =
      std::chrono::nanoseconds(std::chrono::floor<std::chrono::seconds>(Clock().now()).time_since_epoch()).count();
  check_ok(bench.engine->put_archive(made.id, "/", test::write_tar({{entry, "hello\n"}})));
  check_ok(bench.engine->start_container(made.id));
  const auto has_own = [&] { return bench.engine->stat_path(made.id, "/own").has_value(); };
  for (int i = 0; i < 100 && !has_own(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  REQUIRE(has_own());

  auto recorded = value_of(bench.engine->inspect_container(made.id));
  const auto is_it = [](const std::vector<InjectedFile>& files) {
    REQUIRE(files.size() == 1);
    CHECK(files[0].path == "/etc/app/app.conf");
    CHECK(files[0].mode == 0440);
    CHECK(files[0].uid == 33);
    CHECK(files[0].contents == "hello\n");
  };
  const auto found = value_of(find_injected_files(*bench.engine, recorded)).files;
  is_it(found);
  check_ok(record_injected_files(recorded, found));
  check_ok(bench.engine->remove_container(made.id, true));
  const ContainerBody body = value_of(container_body(recorded, {}));
  const auto anew = bench.make(body.name, body.body);
  check_ok(put_injected_files(*bench.engine, anew.id, recorded));
  is_it(value_of(find_injected_files(*bench.engine, anew)).files);
}

TEST_CASE("an entrypoint that its user has cleared stays cleared", "[.real-engine]") {
  Bench bench;
  const auto recorded = bench.record_and_remove(
      bench.make(bench.prefix + "-cleared", {{"Image", test_image()}, {"Entrypoint", {""}}, {"Cmd", kIdle}}));
  CHECK(difference(recorded, bench.make_anew(recorded)) == json::array());
}

TEST_CASE("an anonymous volume whose contents were restored is found by its name", "[.real-engine]") {
  Bench bench;
  const std::string name = random_hex(32);
  bench.volumes.push_back(name);
  auto made = bench.make(bench.prefix + "-anon",
                         {{"Image", test_image()}, {"Cmd", kIdle}, {"Volumes", {{"/data", json::object()}}}});
  auto recorded = bench.record_and_remove(made);
  json raw = json::parse(recorded.raw);
  REQUIRE(raw["Mounts"].size() == 1);
  recorded.mounts[0].name = name;
  check_ok(bench.engine->create_volume(name, "local", {}, {}));
  BodyOptions options;
  options.has_volume = [&](const std::string& volume) { return volume == name; };
  const auto anew = bench.make_anew(recorded, options);
  REQUIRE(anew.mounts.size() == 1);
  CHECK(anew.mounts[0].name == name);
  CHECK(anew.mounts[0].destination == "/data");
}

TEST_CASE("a network is made anew as it was", "[.real-engine]") {
  Bench bench;
  const auto stack = test::make_stack({.containers = {test::make_container({.service = "web"})}});
  const json asked{{"Driver", "bridge"},
                   {"Internal", true},
                   {"Attachable", true},
                   {"EnableIPv6", true},
                   {"Options", {{"com.docker.network.driver.mtu", "1400"}}},
                   {"IPAM",
                    {{"Driver", "default"},
                     {"Config",
                      {{{"Subnet", "10.213.78.0/24"},
                        {"IPRange", "10.213.78.128/25"},
                        {"Gateway", "10.213.78.200"},
                        {"AuxiliaryAddresses", {{"printer", "10.213.78.201"}}}},
                       {{"Subnet", "fd00:d4:71::/64"}}}}}},
                   {"Labels", {{"com.docker.compose.project", "p"}, {"com.docker.compose.network", "back"}}}};
  const auto essence = [](const engine::NetworkInfo& info) {
    json raw = json::parse(info.raw);
    for (const char* name : {"Id", "Created", "Status"}) raw.erase(name);
    return normal(raw);
  };
  const auto made_anew = [&](const std::string& name) {
    const auto recorded = value_of(bench.engine->inspect_network(name));
    check_ok(bench.engine->remove_network(name));
    static_cast<void>(
        value_of(bench.engine->create_network(value_of(network_body(recorded, set_subnets(recorded, stack))))));
    return std::pair(recorded, value_of(bench.engine->inspect_network(name)));
  };
  const auto [recorded, anew] = made_anew(bench.network("-set", asked));
  CHECK(json::diff(essence(recorded), essence(anew)) == json::array());
  CHECK(subnets_of(anew) == std::vector<std::string>{"10.213.78.0/24", "fd00:d4:71::/64"});

  const auto [plain, plain_anew] = made_anew(bench.network("-plain"));
  CHECK(set_subnets(plain, stack).empty());
  CHECK(plain_anew.driver == "bridge");
  CHECK(subnets_of(plain_anew).size() == 1);
  // Made twice, it is refused.
  const auto twice = bench.engine->create_network({{"Name", plain.name}, {"CheckDuplicate", true}});
  REQUIRE_FALSE(twice);
  CHECK(twice.error().code() == Errc::exists);
  // Used, it isn't removed.
  const auto user = bench.make(
      bench.prefix + "-user", {{"Image", test_image()}, {"Cmd", kIdle}, {"HostConfig", {{"NetworkMode", plain.name}}}});
  check_ok(bench.engine->start_container(user.id));
  const auto used = bench.engine->remove_network(plain.name);
  REQUIRE_FALSE(used);
  CHECK(used.error().code() == Errc::failed);
}

TEST_CASE("an image gets a further tag", "[.real-engine]") {
  Bench bench;
  const auto image = value_of(bench.engine->inspect_image(test_image()));
  const std::string reference = bench.prefix + ":1";
  check_ok(bench.engine->tag_image(image.id, reference));
  CHECK(value_of(bench.engine->inspect_image(reference)).id == image.id);
  check_ok(bench.engine->remove_image(reference));
  CHECK(bench.engine->tag_image("sha256:" + std::string(64, '0'), reference).error().code() == Errc::not_found);
}

}  // namespace
}  // namespace davit::sources
