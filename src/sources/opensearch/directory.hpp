#pragma once
// The directory `.opensearch` of the repository as the containers of a search cluster have it mounted: where its
// snapshots rest, and where a backup's files are put for a restore. It must be in path.repo of every node, on a mount
// of the container, and the server's user must be able to write there.

#include <string>
#include <string_view>
#include <vector>

#include "sources/opensearch/cluster.hpp"

namespace davit::sources {

struct SearchDirectory {
  std::string path;   // an entry of path.repo, in the container
  std::string host;   // the same on the Engine's host
  std::string mount;  // the volume by its Engine's name, or the host path of the bind mount, if it is all of that;
                      // empty if there may be something else
  bool own = false;   // what is mounted is called .opensearch: it is davit's to give to the server's user

  // Of davit's own repository, in the container and on the host.
  [[nodiscard]] std::string repository() const { return path + "/davit"; }
  [[nodiscard]] std::string repository_on_host() const { return host + "/davit"; }
};

// Pure. Errc::usage whose hint says what to add to the compose file.
[[nodiscard]] Result<SearchDirectory> find_search_directory(const engine::ContainerInfo& container,
                                                            const std::string& service,
                                                            const std::vector<SearchNode>& nodes);

// Errc::credentials, with what to do on the host, if the server's user can't write there and davit may not, or can't,
// give it to him. `process`: the server's, in the container.
[[nodiscard]] Result<> tend_search_directory(engine::Engine& engine, const engine::ContainerInfo& container,
                                             const SearchDirectory& directory, int process, RunContext& run);

}  // namespace davit::sources
