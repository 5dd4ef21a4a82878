#include <format>

#include "sources/postgres/check.hpp"

namespace davit::sources {

std::vector<Conflict> check_version(int recorded, int present, bool allow_change, const std::string& service) {
  if (recorded == 0 || present == 0 || recorded == present) return {};
  const std::string what =
      std::format("the backup is of PostgreSQL {}, and service {} has {}", recorded, service, present);
  if (present < recorded) return {{what, std::format("use an image with PostgreSQL {} or newer", recorded), false}};
  if (allow_change) return {};
  return {{what, "--allow-version-change restores into the newer version", false}};
}

}  // namespace davit::sources
