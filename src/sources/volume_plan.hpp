#pragma once
// Which volumes and bind mounts of a stack are backed up, and why others are not. Pure: what only the host can tell (is
// a bind's source a directory or a file?) is asked for by bind_candidates() and given back to add_binds().

#include <map>
#include <string>
#include <vector>

#include "sources/source.hpp"

namespace davit::sources {

// Patterns to leave out, by item: they aren't part of the item itself.
using Excludes = std::map<model::ItemId, std::vector<std::string>>;

// `running`: every container of the Engine that runs, of whatever stack: who may write while we read.
using Running = std::vector<engine::ContainerInfo>;

void add_volumes(Plan& plan, Excludes& excludes, const Stack& stack, const Running& running,
                 const VolumeOptions& options, stream::Codec codec);

// Where the Engine's host keeps the contents of a local volume; empty for one that is kept elsewhere.
[[nodiscard]] std::string mountpoint_of(const engine::VolumeInfo& volume);

// A bind mount that is to be covered.
struct BindCandidate {
  std::string path;  // below the project's directory: "config/nginx"; "." for the directory itself
  std::string host_path;
  std::vector<std::string> services;
  std::vector<std::string> exclude;
};
// Those below the project's directory, by path, each once and none that lies in another; what isn't covered goes into
// `plan`.
[[nodiscard]] std::vector<BindCandidate> bind_candidates(Plan& plan, const Stack& stack, const VolumeOptions& options);
// Binds below the project's directory, as paths in it, of services that nothing is backed up of. A directory of these
// is made empty by a restore; a file (`seen`: the probe, asked for these paths) is one of the plan's needs.
[[nodiscard]] std::vector<std::string> disabled_binds(const Stack& stack);
void add_disabled_files(Plan& plan, const Stack& stack, const std::vector<std::string>& disabled,
                        const helper::Probe& seen);
// `seen`: the probe of the project's directory, asked for the candidates' paths. Only directories become items: single
// files are among the project's files.
void add_binds(Plan& plan, Excludes& excludes, std::vector<BindCandidate> candidates, const helper::Probe& seen,
               const Running& running, stream::Codec codec);

// The containers among `running` that have the volume mounted.
[[nodiscard]] std::vector<const engine::ContainerInfo*> users_of_volume(const Running& running, std::string_view name,
                                                                        bool writers);
// Those that have the path bound, or something below it, or something above it as far as `project`, a directory above
// the path. Who looks at the whole host (cadvisor, node-exporter, a file manager) uses none of it.
[[nodiscard]] std::vector<const engine::ContainerInfo*> users_of_path(const Running& running, std::string_view path,
                                                                      std::string_view project, bool writers);

}  // namespace davit::sources
