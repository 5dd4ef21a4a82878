#include "sources/rebuild/container_body.hpp"

#include <catch2/catch_test_macros.hpp>

#include "engine/decode.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

const std::string kId = std::string(52, '0') + "0123456789ab";
const std::string kOther(64, 'd');
const std::string kAnonymous(64, 'a');

// As Engine 20.10 answers for a container of Compose.
json inspected() {
  json raw = json::parse(R"({
    "Name": "/shop-db-1", "Image": "sha256:old",
    "Config": {"Hostname": "000000000000", "Domainname": "", "User": "999", "AttachStdout": true, "ExposedPorts": {"5432/tcp": {}},
      "Tty": false, "Env": ["A=1", "PATH=/bin"], "Cmd": ["postgres"], "Image": "postgres:17", "Volumes": {"/data": {}},
      "WorkingDir": "", "Entrypoint": ["docker-entrypoint.sh"], "OnBuild": null, "StopSignal": "SIGINT", "StopTimeout": 30,
      "Healthcheck": {"Test": ["CMD", "pg_isready"], "Interval": 1000000000},
      "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "db", "com.docker.compose.config-hash": "h4sh",
        "com.docker.compose.image": "sha256:old", "com.docker.compose.project.working_dir": "/srv/shop",
        "com.docker.compose.project.config_files": "/srv/shop/compose.yaml,/etc/more.yaml",
        "com.docker.compose.project.environment_file": "/srv/shop/.env", "team": "a"}},
    "HostConfig": {"Binds": ["shop_db:/data:rw", "/srv/shop/db.conf:/etc/db.conf:ro,z"], "ContainerIDFile": "", "NetworkMode": "shop_default",
      "PortBindings": {"5432/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5432"}]}, "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
      "ConsoleSize": [0, 0], "CapAdd": null, "Links": null, "OomKillDisable": null, "ShmSize": 67108864, "Memory": 536870912,
      "MaskedPaths": ["/proc/acpi"], "ReadonlyPaths": ["/proc/bus"], "PidMode": "", "IpcMode": "private", "LogConfig": {"Type": "json-file", "Config": {}},
      "Mounts": [{"Type": "bind", "Source": "/srv/shop/conf.d", "Target": "/etc/conf.d", "ReadOnly": true}, {"Type": "tmpfs", "Target": "/run"}]},
    "NetworkSettings": {"Networks": {
      "shop_default": {"IPAMConfig": null, "Links": null, "Aliases": ["shop-db-1", "db"], "NetworkID": "n1", "IPAddress": "172.18.0.2", "MacAddress": "02:42:ac:12:00:02"},
      "shop_back": {"IPAMConfig": {"IPv4Address": "10.5.0.9"}, "Aliases": ["db", "sql"], "NetworkID": "n2", "MacAddress": "00:16:3e:00:00:01", "DriverOpts": null}}},
    "Mounts": [
      {"Type": "volume", "Name": "shop_db", "Source": "/v/shop_db", "Destination": "/data", "Driver": "local", "RW": true},
      {"Type": "bind", "Source": "/srv/shop/db.conf", "Destination": "/etc/db.conf", "RW": false}]})");
  raw["Id"] = kId;
  raw["Config"]["Hostname"] = kId.substr(0, 12);
  for (const char* name : {"shop_default", "shop_back"})
    raw["NetworkSettings"]["Networks"][name]["Aliases"].push_back(kId.substr(0, 12));
  return raw;
}

ContainerBody body_of(const json& raw, const BodyOptions& options = {}) {
  const auto info = engine::decode_container(raw);
  REQUIRE(info);
  auto body = container_body(*info, options);
  if (!body) FAIL(body.error().message());
  return *std::move(body);
}

TEST_CASE("a container is asked for as it was recorded, without what the Engine chooses itself") {
  const ContainerBody made = body_of(inspected());
  CHECK(made.name == "shop-db-1");
  const json& body = made.body;
  CHECK(body["Image"] == "postgres:17");
  CHECK(body["Labels"] == inspected()["Config"]["Labels"]);
  for (const char* name :
       {"User", "ExposedPorts", "Env", "Cmd", "Entrypoint", "Volumes", "StopSignal", "StopTimeout", "Healthcheck"}) {
    INFO(name);
    CHECK(body[name] == inspected()["Config"][name]);
  }
  CHECK_FALSE(body.contains("Hostname"));
  CHECK_FALSE(body.contains("OnBuild"));
  const json& host = body["HostConfig"];
  for (const char* name : {"Binds", "Mounts", "PortBindings", "RestartPolicy", "ShmSize", "Memory", "LogConfig",
                           "IpcMode", "NetworkMode"}) {
    INFO(name);
    CHECK(host[name] == inspected()["HostConfig"][name]);
  }
  for (const char* name :
       {"ContainerIDFile", "ConsoleSize", "CapAdd", "Links", "OomKillDisable", "MaskedPaths", "ReadonlyPaths"}) {
    INFO(name);
    CHECK_FALSE(host.contains(name));
  }
  CHECK(body["NetworkingConfig"]["EndpointsConfig"] ==
        json::parse(R"({"shop_default": {"Aliases": ["shop-db-1", "db"]}})"));
  REQUIRE(made.networks.size() == 1);
  CHECK(
      made.networks.at("shop_back") ==
      json::parse(
          R"({"IPAMConfig": {"IPv4Address": "10.5.0.9"}, "Aliases": ["db", "sql"], "MacAddress": "00:16:3e:00:00:01"})"));
}

TEST_CASE("what its user has set or cleared stays set or cleared") {
  json raw = inspected();
  raw["Config"]["Hostname"] = "rabbit1";
  raw["Config"]["Entrypoint"] = nullptr;
  raw["Config"]["Cmd"] = {"run"};
  raw["HostConfig"]["MaskedPaths"] = json::array();
  raw["HostConfig"]["ReadonlyPaths"] = json::array();
  raw["HostConfig"]["Links"] = {"/shop-cache-1:/shop-db-1/cache", "shop-x-1:x"};
  const json body = body_of(raw).body;
  CHECK(body["Hostname"] == "rabbit1");
  CHECK(body["Entrypoint"] == json{""});
  CHECK(body["Cmd"] == json{"run"});
  CHECK(body["HostConfig"]["MaskedPaths"] == json::array());
  CHECK(body["HostConfig"]["ReadonlyPaths"] == json::array());
  CHECK(body["HostConfig"]["Links"] == json{"shop-cache-1:cache", "shop-x-1:x"});
}

TEST_CASE("a network that goes by its id is named, since it has another id on the new host") {
  json raw = inspected();
  raw["HostConfig"]["NetworkMode"] = "n2";
  const ContainerBody made = body_of(raw);
  CHECK(made.body["HostConfig"]["NetworkMode"] == "shop_back");
  CHECK(made.body["NetworkingConfig"]["EndpointsConfig"].contains("shop_back"));
  CHECK(made.networks.contains("shop_default"));
}

TEST_CASE("networks that every Engine has are no endpoints of its user's") {
  json raw = inspected();
  raw["HostConfig"]["NetworkMode"] = "host";
  raw["NetworkSettings"]["Networks"] = {{"host", {{"NetworkID", "n3"}, {"Aliases", nullptr}}}};
  const ContainerBody made = body_of(raw);
  CHECK(made.body["HostConfig"]["NetworkMode"] == "host");
  CHECK_FALSE(made.body.contains("NetworkingConfig"));
  CHECK(made.networks.empty());
}

TEST_CASE("an image of another id on the new host is what Compose will find there") {
  const json body = body_of(inspected(), {.image_id = "sha256:new"}).body;
  CHECK(body["Image"] == "postgres:17");
  CHECK(body["Labels"]["com.docker.compose.image"] == "sha256:new");
  CHECK(body_of(inspected(), {.image = "sha256:new"}).body["Image"] == "sha256:new");
  json raw = inspected();
  // A label that told something else before goes on telling it.
  raw["Config"]["Labels"]["com.docker.compose.image"] = "sha256:older";
  CHECK(body_of(raw, {.image_id = "sha256:new"}).body["Labels"]["com.docker.compose.image"] == "sha256:older");
}

TEST_CASE("paths of the project move with it, in mounts and in labels") {
  const json body = body_of(inspected(), {.moved = {{{"/srv/shop", "/mnt/shop"}}}}).body;
  CHECK(body["HostConfig"]["Binds"] == json{"shop_db:/data:rw", "/mnt/shop/db.conf:/etc/db.conf:ro,z"});
  CHECK(body["HostConfig"]["Mounts"][0]["Source"] == "/mnt/shop/conf.d");
  CHECK(body["Labels"]["com.docker.compose.project.working_dir"] == "/mnt/shop");
  CHECK(body["Labels"]["com.docker.compose.project.config_files"] == "/mnt/shop/compose.yaml,/etc/more.yaml");
  CHECK(body["Labels"]["com.docker.compose.project.environment_file"] == "/mnt/shop/.env");
  CHECK(body["Labels"]["com.docker.compose.config-hash"] == "h4sh");
}

TEST_CASE("an anonymous volume goes by its name where its contents were restored, and is made anew elsewhere") {
  const auto has = [](const std::string& volume) { return volume == kAnonymous; };
  const auto mount = [](const std::string& name) {
    return json{{"Type", "volume"},       {"Name", name},      {"Source", "/v"},
                {"Destination", "/anon"}, {"Driver", "local"}, {"RW", true}};
  };
  json raw = inspected();
  raw["Config"]["Volumes"]["/anon"] = json::object();

  SECTION("of the image") {
    raw["Mounts"].push_back(mount(kAnonymous));
    CHECK(body_of(raw, {.has_volume = has}).body["HostConfig"]["Binds"][2] == kAnonymous + ":/anon:rw");
    const json body = body_of(raw).body;
    CHECK(body["HostConfig"]["Binds"] == inspected()["HostConfig"]["Binds"]);
    CHECK(body["Volumes"].contains("/anon"));
  }
  SECTION("that Compose has carried over when it made the container anew") {
    raw["Mounts"].push_back(mount(kAnonymous));
    raw["HostConfig"]["Mounts"].push_back({{"Type", "volume"}, {"Source", kAnonymous}, {"Target", "/anon"}});
    CHECK(body_of(raw, {.has_volume = has}).body["HostConfig"]["Mounts"] == raw["HostConfig"]["Mounts"]);
    const json mounts = body_of(raw).body["HostConfig"]["Mounts"];
    CHECK(mounts[2] == json{{"Type", "volume"}, {"Target", "/anon"}});
  }
  SECTION("that the compose file asks for without a name") {
    raw["Mounts"].push_back(mount(kAnonymous));
    raw["HostConfig"]["Mounts"].push_back({{"Type", "volume"}, {"Target", "/anon"}});
    const json host = body_of(raw, {.has_volume = has}).body["HostConfig"];
    CHECK(host["Mounts"][2]["Source"] == kAnonymous);
    CHECK(host["Binds"].size() == 2);
  }
  SECTION("that is bound by its name") {
    raw["Mounts"].push_back(mount(kAnonymous));
    raw["HostConfig"]["Binds"].push_back(kAnonymous + ":/anon");
    CHECK(body_of(raw, {.has_volume = has}).body["HostConfig"]["Binds"] == raw["HostConfig"]["Binds"]);
    raw["Config"]["Volumes"].erase("/anon");
    const json body = body_of(raw).body;
    CHECK(body["HostConfig"]["Binds"].size() == 2);
    CHECK(body["Volumes"].contains("/anon"));
  }
}

TEST_CASE("containers that are shared are found by their new ids") {
  json raw = inspected();
  raw["HostConfig"]["NetworkMode"] = "container:" + kOther;
  raw["HostConfig"]["PidMode"] = "container:" + kOther;
  raw["HostConfig"]["VolumesFrom"] = {kOther + ":ro"};
  raw["Config"]["Hostname"] = "db";
  raw["NetworkSettings"]["Networks"] = json::object();
  const auto info = engine::decode_container(raw);
  REQUIRE(info);
  CHECK(shared_containers(*info) == std::vector<std::string>{kOther});
  const auto new_id = [](const std::string& id) {
    return id == kOther ? std::optional<std::string>("new") : std::nullopt;
  };
  const json body = body_of(raw, {.new_id = new_id}).body;
  CHECK(body["HostConfig"]["NetworkMode"] == "container:new");
  CHECK(body["HostConfig"]["PidMode"] == "container:new");
  CHECK(body["HostConfig"]["VolumesFrom"] == json{"new:ro"});
  // The Engine refuses these where the network is another's.
  for (const char* name : {"Hostname", "ExposedPorts"}) CHECK_FALSE(body.contains(name));
  CHECK_FALSE(body["HostConfig"].contains("PortBindings"));

  const auto lost = container_body(*info, {});
  REQUIRE_FALSE(lost);
  CHECK(lost.error().code() == Errc::not_found);
  CHECK(lost.error().message() ==
        "container shop-db-1: it goes with container dddddddddddd, which isn't made along with it");
}

TEST_CASE("a container whose record isn't the Engine's is refused") {
  for (const char* raw : {"{", R"({"Config": {}})", R"({"Config": {}, "HostConfig": {"VolumesFrom": [1]}})"}) {
    engine::ContainerInfo broken;
    broken.name = "shop-db-1";
    broken.raw = raw;
    const auto body = container_body(broken, {});
    REQUIRE_FALSE(body);
    CHECK(body.error().code() == Errc::corrupt);
  }
}

TEST_CASE("a container's networks are those of its user") {
  const auto info = engine::decode_container(inspected());
  REQUIRE(info);
  CHECK(networks_of(*info) == std::vector<std::string>{"shop_back", "shop_default"});
  CHECK(networks_of({}).empty());
}

}  // namespace
}  // namespace davit::sources
