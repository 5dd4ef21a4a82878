#include <algorithm>
#include <array>
#include <map>

#include "sources/host_path.hpp"
#include "sources/json_field.hpp"
#include "sources/own_directory.hpp"
#include "sources/place_restore.hpp"
#include "sources/rebuild/host_check.hpp"
#include "sources/recorded_volume.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

// What every Linux has.
bool is_always_there(const std::string& path) {
  if (path == "/") return true;
  return std::ranges::any_of(std::array{"/proc", "/sys", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"},
                             [&](const char* known) { return path_below(path, known).has_value(); });
}

// Who needs a path, and what else is to be known of it.
struct Need {
  std::string who;     // "shop-web-1 mounts"
  std::string remedy;  // that of a path which nobody can make out of nothing, where it is empty
  bool makeable = false;
};
using Needs = std::map<std::string, Need>;  // by path on the new host

// Whether the Engine makes the directory where it is missing: it does so for a mount of the short form, and for one of
// the long form if that says so (API: HostConfig.Binds, HostConfig.Mounts[].BindOptions.CreateMountpoint).
bool is_makeable(const json& raw, const std::string& source) {
  return std::ranges::none_of(list_field(field(raw, "HostConfig"), "Mounts"), [&](const json& mount) {
    const json& create = field(field(mount, "BindOptions"), "CreateMountpoint");
    return text_field(mount, "Type") == "bind" && text_field(mount, "Source") == source &&
           !(create.is_boolean() && create.get<bool>());
  });
}

void add_container(Needs& needs, const engine::ContainerInfo& container, const MovedPaths& moved) {
  // Not from what is decoded, which may be moved already.
  const json raw = json::parse(container.raw, nullptr, false);
  for (const json& mount : list_field(raw, "Mounts")) {
    if (text_field(mount, "Type") != "bind") continue;
    const std::string source = text_field(mount, "Source");
    const bool makeable = is_makeable(raw, source);
    // One that insists on it is what counts.
    const auto [known, added] =
        needs.try_emplace(moved(normal_path(source)), Need{container.name + " mounts", {}, makeable});
    if (!added && known->second.makeable && !makeable) known->second = {container.name + " mounts", {}, false};
  }
  for (const json& device : list_field(field(raw, "HostConfig"), "Devices"))
    if (const std::string path = text_field(device, "PathOnHost"); path.starts_with('/'))
      needs.try_emplace(normal_path(path), Need{container.name + " has as a device", {}, false});
}

// Volumes that are to be made, and are a directory of the host. What is decoded has moved.
void add_volumes(Needs& needs, const Stack& recorded, const Recorded& containers, const HostView& view) {
  for (const engine::ContainerInfo* container : containers)
    for (const engine::Mount& mount : container->mounts) {
      if (mount.type != "volume" || view.volumes.contains(mount.name)) continue;
      const Volume* volume = recorded.find_volume(mount.name);
      const auto device = volume == nullptr ? std::nullopt : bound_directory(volume->info);
      if (!device || !device->starts_with('/')) continue;
      const std::string path = normal_path(*device);
      needs.insert_or_assign(path, Need{"volume " + mount.name + " lies in", "make the directory " + path, false});
    }
}

}  // namespace

Result<std::vector<Conflict>> missing_paths(helper::Host& host, const Stack& recorded, const Recorded& containers,
                                            const HostView& view, const PathsOptions& options, RunContext& run) {
  Needs needs;
  for (const engine::ContainerInfo* container : containers) add_container(needs, *container, options.moved);
  add_volumes(needs, recorded, containers, view);
  std::erase_if(needs, [&](const auto& each) {
    const auto& [path, need] = each;
    return is_always_there(path) || is_own_directory(path) || (options.restores_path && options.restores_path(path)) ||
           (need.makeable && options.may_make && options.may_make(path));
  });
  std::map<std::string, std::vector<std::string>> by_directory;
  for (const auto& [path, need] : needs) by_directory[parent_of(path)].push_back(last_part(path));
  std::vector<Conflict> conflicts;
  for (const auto& [directory, names] : by_directory) {
    TRY_ASSIGN(seen, in_context(probe_place(host, {helper::Place::Kind::directory, directory, false}, names, run),
                                "look for " + directory));
    for (const std::string& name : names) {
      if (seen.exists && std::ranges::contains(seen.present, name)) continue;
      const std::string path = directory == "/" ? "/" + name : directory + "/" + name;
      const Need& need = needs[path];
      const std::string what = path + ", which " + need.who + ", is missing on this host";
      if (need.remedy.empty())
        conflicts.push_back({what + " and not in the backup", "put " + path + " where it was", false});
      else
        conflicts.push_back({what, need.remedy, false});
    }
  }
  return conflicts;
}

}  // namespace davit::sources
