#pragma once
// What stands in the way of replacing a cluster's files by those of a backup.

#include <vector>

#include "sources/source.hpp"

namespace davit::sources {

// Files of a cluster are of use to servers of their own major version only. 0: unknown.
[[nodiscard]] std::vector<Conflict> check_same_version(int recorded, int present, const std::string& service);

// Into a container that runs, whether its server does or not.
struct FilesCheck {
  std::string service;
  int recorded_major = 0;  // 0: unknown
  std::uint64_t bytes = 0;
};
[[nodiscard]] Result<std::vector<Conflict>> check_files_of_cluster(engine::Engine& engine,
                                                                   const engine::ContainerInfo& container,
                                                                   const FilesCheck& check, RunContext& run);

}  // namespace davit::sources
