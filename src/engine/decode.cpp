#include "engine/decode.hpp"

#include <nlohmann/json.hpp>

namespace davit::engine {
namespace {

using nlohmann::json;

const json& at(const json& object, const char* name) {
  static const json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

std::string text(const json& object, const char* name) {
  const json& value = at(object, name);
  return value.is_null() ? std::string() : value.get<std::string>();
}

bool flag(const json& object, const char* name) {
  const json& value = at(object, name);
  return !value.is_null() && value.get<bool>();
}

std::vector<std::string> texts(const json& object, const char* name) {
  const json& value = at(object, name);
  return value.is_null() ? std::vector<std::string>() : value.get<std::vector<std::string>>();
}

Labels labels(const json& object, const char* name) {
  Labels result;
  const json& value = at(object, name);
  if (value.is_null()) return result;
  for (const auto& [key, entry] : value.get_ref<const json::object_t&>()) result[key] = entry.get<std::string>();
  return result;
}

std::string without_slash(std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);
  return name;
}

// The one place where exceptions of the JSON library end: `read` fills in the fields of a value that has an identity.
template <class T, class Read>
Result<T> decode(const json& object, const char* what, const char* identity, Read read) {
  try {
    if (!object.is_object() || text(object, identity).empty())
      return fail(Errc::corrupt, std::string("decode ") + what + ": not an object with \"" + identity + "\"");
    T value;
    read(value);
    if constexpr (requires { value.raw; }) value.raw = object.dump();
    return value;
  } catch (const json::exception& error) {
    return fail(Errc::corrupt, std::string("decode ") + what + ": " + error.what());
  }
}

Mount decode_mount(const json& mount) {
  return {.type = text(mount, "Type"),
          .name = text(mount, "Name"),
          .source = text(mount, "Source"),
          .destination = text(mount, "Destination"),
          .driver = text(mount, "Driver"),
          .writable = flag(mount, "RW")};
}

ContainerState decode_state(const json& state) {
  ContainerState result{.status = text(state, "Status"),
                        .running = flag(state, "Running"),
                        .paused = flag(state, "Paused"),
                        .exit_code = at(state, "ExitCode").is_null() ? 0 : at(state, "ExitCode").get<int>(),
                        .error = text(state, "Error"),
                        .health = {}};
  // Engines answer "none", or nothing, for a container without a health check.
  if (const std::string health = text(at(state, "Health"), "Status"); !health.empty() && health != "none")
    result.health = health;
  return result;
}

}  // namespace

Result<ContainerInfo> decode_container(const json& inspected) {
  return decode<ContainerInfo>(inspected, "a container", "Id", [&](ContainerInfo& info) {
    const json& config = at(inspected, "Config");
    info.id = {text(inspected, "Id")};
    info.name = without_slash(text(inspected, "Name"));
    info.image = text(config, "Image");
    info.image_id = text(inspected, "Image");
    info.labels = labels(config, "Labels");
    info.env = texts(config, "Env");
    if (const json& mounts = at(inspected, "Mounts"); !mounts.is_null())
      for (const json& mount : mounts.get_ref<const json::array_t&>()) info.mounts.push_back(decode_mount(mount));
    info.state = decode_state(at(inspected, "State"));
    info.network_mode = text(at(inspected, "HostConfig"), "NetworkMode");
    info.user = text(config, "User");
    info.hostname = text(config, "Hostname");
  });
}

Result<ContainerSummary> decode_container_summary(const json& listed) {
  return decode<ContainerSummary>(listed, "a container of the list", "Id", [&](ContainerSummary& summary) {
    summary.id = {text(listed, "Id")};
    // A container that others link to has several names; its own is the one without a second slash.
    for (const std::string& name : texts(listed, "Names"))
      if (summary.name.empty() || name.find('/', 1) == std::string::npos) summary.name = without_slash(name);
    summary.image = text(listed, "Image");
    summary.state = text(listed, "State");
    summary.labels = labels(listed, "Labels");
  });
}

Result<VolumeInfo> decode_volume(const json& volume) {
  return decode<VolumeInfo>(volume, "a volume", "Name", [&](VolumeInfo& info) {
    info.name = text(volume, "Name");
    info.driver = text(volume, "Driver");
    info.scope = text(volume, "Scope");
    info.labels = labels(volume, "Labels");
    info.options = labels(volume, "Options");
  });
}

Result<NetworkInfo> decode_network(const json& network) {
  return decode<NetworkInfo>(network, "a network", "Name", [&](NetworkInfo& info) {
    info.id = text(network, "Id");
    info.name = text(network, "Name");
    info.driver = text(network, "Driver");
    info.labels = labels(network, "Labels");
  });
}

Result<ImageInfo> decode_image(const json& image) {
  return decode<ImageInfo>(image, "an image", "Id", [&](ImageInfo& info) {
    info.id = text(image, "Id");
    info.repo_tags = texts(image, "RepoTags");
    info.repo_digests = texts(image, "RepoDigests");
    info.os = text(image, "Os");
    info.architecture = text(image, "Architecture");
    info.labels = labels(at(image, "Config"), "Labels");
  });
}

}  // namespace davit::engine
