#include "helper/container_spec.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "helper/self_container.hpp"
#include "stream/memory_stream.hpp"
#include "stream/tar_reader.hpp"

using namespace davit;
using namespace davit::helper;
using nlohmann::json;

namespace {

const std::string kId(64, 'a');

ContainerSpec spec_of(const Place& place, Access access, const std::string& create = {}) {
  return {"busybox",       "/davit/davit", {{"davit.run", "f00d"}, {"davit.role", "helper"}},
          "container:abc", "davit-sock",   {place, access, create}};
}

}  // namespace

TEST_CASE("a helper that reads gets its volume read-only, and one capability") {
  const json body = create_body(spec_of({Place::Kind::volume, "shop_db", false}, Access::read));
  CHECK(body["Entrypoint"] == json::array({"/davit/davit"}));
  CHECK(body["Cmd"] == json::array({"helper", "--socket", "davit-sock", "--secrets", "/davit/secrets"}));
  CHECK(body["Labels"] == json{{"davit.run", "f00d"}, {"davit.role", "helper"}});
  CHECK(body["Tty"] == false);
  CHECK(body["StdinOnce"] == true);
  const json& host = body["HostConfig"];
  CHECK(host["CapDrop"] == json::array({"ALL"}));
  CHECK(host["CapAdd"] == json::array({"DAC_READ_SEARCH"}));
  CHECK(host["SecurityOpt"] == json::array({"no-new-privileges"}));
  CHECK(host["ReadonlyRootfs"] == true);
  CHECK(host["LogConfig"]["Type"] == "none");
  CHECK(host["NetworkMode"] == "container:abc");
  CHECK(host["Mounts"][0] == json{{"Type", "volume"},
                                  {"Source", "shop_db"},
                                  {"Target", "/place"},
                                  {"ReadOnly", true},
                                  {"VolumeOptions", {{"NoCopy", true}}}});
  CHECK(host["Mounts"][1]["Target"] == "/davit");
  CHECK_FALSE(host["Mounts"][1].contains("Source"));
  CHECK(host["Mounts"][1]["VolumeOptions"]["Labels"]["davit.role"] == "helper");
}

TEST_CASE("a helper that makes its directory has the one above it") {
  const auto mount_of = [](const std::string& path, const std::string& create) {
    return create_body(spec_of({Place::Kind::directory, path, true}, Access::write, create))["HostConfig"]["Mounts"][0];
  };
  CHECK(mount_of("/srv/shop", "")["Source"] == "/srv/shop");
  CHECK(mount_of("/srv/shop", "")["ReadOnly"] == false);
  CHECK(mount_of("/srv/shop", "")["BindOptions"]["Propagation"] == "rprivate");
  CHECK(mount_of("/srv/shop", "shop")["Source"] == "/srv");
  CHECK(mount_of("/shop", "shop")["Source"] == "/");
  const json body = create_body(spec_of({Place::Kind::directory, "/srv/shop", true}, Access::write, "shop"));
  CHECK(body["Cmd"].dump().ends_with(R"("--create","shop"])"));
  CHECK(body["HostConfig"]["CapAdd"].size() == 7);
}

TEST_CASE("what is put into a helper is a tar that any reader takes") {
  const std::string program(1000, 'x');
  const std::string block(512, 'b');
  const std::string tar =
      pack_files({{"davit", 0755, program}, {"secrets", 0400, "abc"}, {"empty", 0644, ""}, {"block", 0600, block}})
          .value();
  CHECK(tar.size() % 512 == 0);
  stream::MemorySource source(std::as_bytes(std::span(tar)));
  stream::TarReader reader(source);
  for (const auto& [name, mode, size] :
       {std::tuple{"davit", 0755U, 1000U}, {"secrets", 0400U, 3U}, {"empty", 0644U, 0U}, {"block", 0600U, 512U}}) {
    const auto entry = reader.next().value();
    REQUIRE(entry);
    CHECK(entry->path == name);
    CHECK(entry->mode == mode);
    CHECK(entry->size == size);
    CHECK(entry->uid == 0);
    CHECK(entry->type == stream::TarType::file);
  }
  CHECK_FALSE(reader.next().value());
}

TEST_CASE("a container is known by what is mounted over its files") {
  const std::string root = "36 25 0:32 / / rw,relatime - overlay overlay rw\n";
  const auto line = [](const std::string& from, const std::string& to) {
    return "711 690 254:0 " + from + " " + to + " rw,relatime - ext4 /dev/vda rw\n";
  };
  CHECK(container_in_mountinfo("") == std::nullopt);
  CHECK(container_in_mountinfo(root + line("/etc/hostname", "/etc/hostname")) == std::nullopt);
  CHECK(container_in_mountinfo(root + line("/var/lib/docker/containers/" + kId + "/hostname", "/etc/hostname")) == kId);
  CHECK(container_in_mountinfo(root + line("/docker/containers/" + kId + "/hosts", "/etc/hosts")) == kId);
  // A volume named like an id is none, and neither is something shorter.
  CHECK(container_in_mountinfo(root + line("/var/lib/docker/volumes/" + kId + "/_data", "/data")) == std::nullopt);
  CHECK(container_in_mountinfo(line("/containers/" + kId.substr(1) + "/hostname", "/etc/hostname")) == std::nullopt);
  // In the network of another container all of these files are the other's.
  const std::string other(64, 'b');
  CHECK(container_in_mountinfo(line("/c/" + kId + "/hosts", "/etc/hosts") +
                               line("/c/" + other + "/hostname", "/etc/hostname")) == other);
}
