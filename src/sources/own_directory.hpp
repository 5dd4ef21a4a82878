#pragma once
// The directories that davit keeps beside its backups, by the names that a stack mounts them by: BACKUP_ROOT/.db and
// BACKUP_ROOT/.opensearch. What is in them serves the run that put it there, or can be made again.

#include <string>
#include <string_view>

#include "sources/host_path.hpp"

namespace davit::sources {

[[nodiscard]] inline bool is_own_directory(std::string_view host_path) {
  const std::string name = last_part(host_path);
  return name == ".db" || name == ".opensearch";
}

}  // namespace davit::sources
