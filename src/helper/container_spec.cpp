#include "helper/container_spec.hpp"

#include <algorithm>
#include <format>
#include <nlohmann/json.hpp>

#include "helper/inside/serve.hpp"
#include "stream/memory_stream.hpp"
#include "stream/tar_writer.hpp"
#include "util/text.hpp"

namespace davit::helper {

using nlohmann::json;

namespace {

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
  body["BindOptions"] = {{"Propagation", mount.follows_host ? "rslave" : "rprivate"}};
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
  std::vector<std::string> arguments{"helper"};
  if (!spec.socket.empty()) {
    arguments.insert(arguments.end(),
                     {"--socket", spec.socket, "--secrets", std::format("{}/{}", kToolPath, kSecretsName)});
  }
  if (!spec.mount.create.empty()) arguments.insert(arguments.end(), {"--create", spec.mount.create});
  OwnContainerSpec own{spec.image, spec.program, spec.labels, std::move(arguments), spec.network_mode};
  json body = create_body(own);
  json& host = body["HostConfig"];
  host["Mounts"].insert(host["Mounts"].begin(), place_mount(spec.mount));
  host["CapAdd"] = capabilities(spec.mount.access);
  return body;
}

json create_body(const OwnContainerSpec& spec) {
  // Removed with the container: a volume mount without a source is the container's own.
  const json tools{
      {"Type", "volume"}, {"Target", kToolPath}, {"VolumeOptions", {{"NoCopy", true}, {"Labels", spec.labels}}}};
  return {{"Image", spec.image},
          {"Entrypoint", json::array({spec.program})},
          {"Cmd", spec.arguments},
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
           {{"Mounts", json::array({tools})},
            {"NetworkMode", spec.network_mode},
            {"ReadonlyRootfs", true},
            {"CapDrop", json::array({"ALL"})},
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

Result<std::string> pack_files(const std::vector<FileToPut>& files) {
  stream::MemorySink sink;
  stream::TarWriter writer(sink);
  for (const FileToPut& file : files) {
    stream::TarEntry entry;
    entry.path = file.name;
    entry.mode = file.mode;
    entry.size = file.contents.size();
    TRY(writer.begin(entry));
    TRY(writer.write_data(std::as_bytes(std::span(file.contents))));
  }
  TRY(writer.finish());
  return sink.take();
}

}  // namespace davit::helper
