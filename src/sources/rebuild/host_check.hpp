#pragma once
// What of a host stands in the way of a stack that is made anew there, or is missing: the plan names each. Pure, but
// for look_at_host() and missing_paths().

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.hpp"
#include "helper/session.hpp"
#include "sources/rebuild/moved_paths.hpp"
#include "sources/source.hpp"

namespace davit::sources {

// What the Engine has, of whatever project.
struct HostView {
  std::vector<engine::ContainerInfo> containers;
  std::vector<engine::NetworkInfo> networks;
  std::set<std::string> volumes;  // names

  [[nodiscard]] const engine::NetworkInfo* find_network(std::string_view name) const;
};
[[nodiscard]] Result<HostView> look_at_host(engine::Engine& engine);

// The containers of the record that are to be made.
using Recorded = std::vector<const engine::ContainerInfo*>;

// Names of containers that others have.
[[nodiscard]] std::vector<Conflict> taken_names(const Recorded& containers, const HostView& host);
// Ports of the host that running containers have published. (A process of the host
// that isn't a container can't be seen from here: then the Engine refuses the start.)
[[nodiscard]] std::vector<Conflict> taken_ports(const Recorded& containers, const HostView& host);
// Networks of the project whose name another network has, or whose subnet overlaps with another's where it is set.
[[nodiscard]] std::vector<Conflict> taken_networks(const Stack& recorded, const Recorded& containers,
                                                   const HostView& host);
// Networks and volumes that aren't the project's, and neither there nor restored.
[[nodiscard]] std::vector<Conflict> missing_externals(const Stack& recorded, const Recorded& containers,
                                                      const HostView& host,
                                                      const std::function<bool(const std::string&)>& restores_volume);

struct PathsOptions {
  MovedPaths moved = {};
  // Both by the path on the new host; null: none. `may_make`: an empty directory is what Compose would make there, and
  // the Engine does, where the mount says that it may.
  std::function<bool(const std::string&)> restores_path = {};
  std::function<bool(const std::string&)> may_make = {};
};
// Paths of the host, files of secrets and configs included, that containers mount or have as devices, or that volumes
// lie in which `view` hasn't, and that are neither there nor restored; but not davit's own directories, which the
// Engine makes. Asks a helper container for each directory that may hold one.
[[nodiscard]] Result<std::vector<Conflict>> missing_paths(helper::Host& host, const Stack& recorded,
                                                          const Recorded& containers, const HostView& view,
                                                          const PathsOptions& options, RunContext& run);

}  // namespace davit::sources
