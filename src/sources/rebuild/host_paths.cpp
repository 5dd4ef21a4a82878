#include <algorithm>
#include <array>
#include <map>

#include "sources/host_path.hpp"
#include "sources/own_directory.hpp"
#include "sources/place_restore.hpp"
#include "sources/rebuild/host_check.hpp"
#include "sources/rebuild/json_field.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

// What every Linux has.
bool is_always_there(const std::string& path) {
  if (path == "/") return true;
  return std::ranges::any_of(std::array{"/proc", "/sys", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"},
                             [&](const char* known) { return path_below(path, known).has_value(); });
}

// By path on the new host, one who needs it.
std::map<std::string, std::string> paths_of(const Recorded& containers, const MovedPaths& moved) {
  std::map<std::string, std::string> paths;
  for (const engine::ContainerInfo* container : containers) {
    // Not from what is decoded, which may be moved already.
    const json raw = json::parse(container->raw, nullptr, false);
    for (const json& mount : list_field(raw, "Mounts"))
      if (const std::string path = text_field(mount, "Source"); text_field(mount, "Type") == "bind")
        paths.try_emplace(moved(normal_path(path)), container->name + " mounts");
    for (const json& device : list_field(field(raw, "HostConfig"), "Devices"))
      if (const std::string path = text_field(device, "PathOnHost"); path.starts_with('/'))
        paths.try_emplace(normal_path(path), container->name + " has as a device");
  }
  return paths;
}

}  // namespace

Result<std::vector<Conflict>> missing_paths(helper::Host& host, const Recorded& containers, const PathsOptions& options,
                                            RunContext& run) {
  std::map<std::string, std::string> paths = paths_of(containers, options.moved);
  std::erase_if(paths, [&](const auto& each) {
    const std::string& path = each.first;
    return is_always_there(path) || is_own_directory(path) || (options.restores_path && options.restores_path(path)) ||
           (!options.project_dir.empty() && path_below(path, options.project_dir));
  });
  std::map<std::string, std::vector<std::string>> by_directory;
  for (const auto& [path, user] : paths) by_directory[parent_of(path)].push_back(last_part(path));
  std::vector<Conflict> conflicts;
  for (const auto& [directory, names] : by_directory) {
    TRY_ASSIGN(seen, in_context(probe_place(host, {helper::Place::Kind::directory, directory, false}, names, run),
                                "look for " + directory));
    for (const std::string& name : names) {
      if (seen.exists && std::ranges::contains(seen.present, name)) continue;
      const std::string path = directory == "/" ? "/" + name : directory + "/" + name;
      conflicts.push_back({path + ", which " + paths[path] + ", is missing on this host and not in the backup",
                           "put " + path + " where it was", false});
    }
  }
  return conflicts;
}

}  // namespace davit::sources
