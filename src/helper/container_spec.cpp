#include "helper/container_spec.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <format>
#include <nlohmann/json.hpp>

#include "helper/inside/serve.hpp"
#include "util/text.hpp"

namespace davit::helper {

using nlohmann::json;

namespace {

constexpr std::size_t kBlock = 512;

json place_mount(const PlaceMount& mount) {
  json body{{"Target", kPlacePath}, {"ReadOnly", mount.access == Access::read}};
  if (mount.place.kind == Place::Kind::volume) {
    body["Type"] = "volume";
    body["Source"] = mount.place.source;
    // An image with content at this path must not fill an empty volume.
    body["VolumeOptions"] = {{"NoCopy", true}};
    return body;
  }
  std::string source = mount.place.source;
  if (!mount.create.empty()) source.resize(std::max<std::size_t>(source.rfind('/'), 1));
  body["Type"] = "bind";
  body["Source"] = source;
  body["BindOptions"] = {{"Propagation", "rprivate"}};
  return body;
}

// What root needs to read everything, and to put it back with its owners, modes, devices and file capabilities.
json capabilities(Access access) {
  if (access == Access::read) return json::array({"DAC_READ_SEARCH"});
  return json::array({"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "MKNOD", "SETFCAP"});
}

}  // namespace

std::string Place::text() const { return (kind == Kind::volume ? "volume " : "directory ") + source; }

json create_body(const ContainerSpec& spec) {
  json arguments = json::array({"helper"});
  if (!spec.socket.empty()) {
    arguments.insert(arguments.end(),
                     {"--socket", spec.socket, "--secrets", std::format("{}/{}", kToolPath, kSecretsName)});
  }
  if (!spec.mount.create.empty()) arguments.insert(arguments.end(), {"--create", spec.mount.create});
  // Removed with the container: a volume mount without a source is the container's own.
  const json tools{
      {"Type", "volume"}, {"Target", kToolPath}, {"VolumeOptions", {{"NoCopy", true}, {"Labels", spec.labels}}}};
  return {{"Image", spec.image},
          {"Entrypoint", json::array({spec.program})},
          {"Cmd", arguments},
          {"User", "0:0"},
          {"WorkingDir", "/"},
          {"Tty", false},
          {"OpenStdin", true},
          {"StdinOnce", true},
          {"AttachStdin", true},
          {"AttachStdout", true},
          {"AttachStderr", true},
          {"Healthcheck", {{"Test", json::array({"NONE"})}}},
          {"StopSignal", "SIGTERM"},
          {"StopTimeout", 10},
          {"Labels", spec.labels},
          {"HostConfig",
           {{"Mounts", json::array({place_mount(spec.mount), tools})},
            {"NetworkMode", spec.network_mode},
            {"ReadonlyRootfs", true},
            {"CapDrop", json::array({"ALL"})},
            {"CapAdd", capabilities(spec.mount.access)},
            {"SecurityOpt", json::array({"no-new-privileges"})},
            // The default driver would write every byte of the stream to disk once more.
            {"LogConfig", {{"Type", "none"}}},
            {"RestartPolicy", {{"Name", "no"}}},
            {"AutoRemove", false},
            {"Init", false}}}};
}

std::string container_name(const std::string& run_id) {
  return std::format("davit-helper-{}-{}", run_id.substr(0, 12), random_hex(4));
}

void FileArchive::add(std::string_view name, unsigned mode, std::string_view contents) {
  std::array<char, kBlock> header{};
  const auto put = [&header](std::size_t at, std::string_view text) {
    std::memcpy(header.data() + at, text.data(), text.size());
  };
  // POSIX.1-1988 ustar: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06
  put(0, name.substr(0, 99));
  put(100, std::format("{:07o}", mode));
  put(108, "0000000");
  put(116, "0000000");
  put(124, std::format("{:011o}", contents.size()));
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, std::string_view("ustar\0"
                            "00",
                            8));
  unsigned sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  put(148, std::format("{:06o}", sum));
  header[154] = '\0';
  bytes_.append(header.data(), header.size());
  bytes_.append(contents);
  bytes_.append((kBlock - contents.size() % kBlock) % kBlock, '\0');
}

std::string FileArchive::take() {
  bytes_.append(2 * kBlock, '\0');
  return std::move(bytes_);
}

}  // namespace davit::helper
