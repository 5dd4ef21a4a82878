#include "sources/rebuild/recorded_mounts.hpp"

#include "sources/assemble.hpp"
#include "sources/json_field.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;
using HasVolume = std::function<bool(const std::string&)>;

// "source:/target" or "source:/target:options"; a bare "/target" is an anonymous volume.
struct Bind {
  std::string source;
  std::string rest;  // ":/target:options"
  [[nodiscard]] std::string target() const { return rest.substr(1, rest.find(':', 1) - 1); }
};

Bind parse_bind(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return {"", ":" + text};
  return {text.substr(0, colon), text.substr(colon)};
}

json place_binds(const json& binds, const MovedPaths& moved, const HasVolume& has, json& volumes) {
  json placed = json::array();
  for (const json& entry : binds) {
    Bind bind = parse_bind(entry.get<std::string>());
    if (bind.source.starts_with('/')) bind.source = moved(bind.source);
    if (is_anonymous(bind.source) && !has(bind.source))
      volumes[bind.target()] = json::object();
    else
      placed.push_back(bind.source.empty() ? bind.target() : bind.source + bind.rest);
  }
  return placed;
}

json place_entries(const json& mounts, const MovedPaths& moved, const HasVolume& has) {
  json placed = json::array();
  for (json mount : mounts) {
    const std::string type = text_field(mount, "Type");
    const std::string source = text_field(mount, "Source");
    if (type == "bind") mount["Source"] = moved(source);
    if (type == "volume" && is_anonymous(source) && !has(source)) mount.erase("Source");
    placed.push_back(std::move(mount));
  }
  return placed;
}

// Whether the volume at `target` has its name in the configuration, or now gets it there.
bool name_in_configuration(const engine::Mount& volume, json& host_config) {
  for (json& mount : host_config["Mounts"]) {
    if (text_field(mount, "Target") != volume.destination) continue;
    if (text_field(mount, "Source").empty()) mount["Source"] = volume.name;
    return true;
  }
  for (const json& bind : host_config["Binds"])
    if (parse_bind(bind.get<std::string>()).target() == volume.destination) return true;
  return false;
}

}  // namespace

void place_mounts(const engine::ContainerInfo& recorded, const MovedPaths& moved, const HasVolume& has_volume,
                  json& config, json& host_config) {
  const HasVolume has = [&](const std::string& volume) { return has_volume && has_volume(volume); };
  json volumes = field(config, "Volumes").is_object() ? config["Volumes"] : json::object();
  host_config["Binds"] = place_binds(list_field(host_config, "Binds"), moved, has, volumes);
  host_config["Mounts"] = place_entries(list_field(host_config, "Mounts"), moved, has);
  for (const engine::Mount& mount : recorded.mounts)
    if (mount.type == "volume" && is_anonymous(mount.name) && has(mount.name) &&
        !name_in_configuration(mount, host_config))
      host_config["Binds"].push_back(mount.name + ":" + mount.destination + (mount.writable ? ":rw" : ":ro"));
  if (!volumes.empty()) config["Volumes"] = std::move(volumes);
  for (const char* list : {"Binds", "Mounts"})
    if (host_config[list].empty()) host_config.erase(list);
}

}  // namespace davit::sources
