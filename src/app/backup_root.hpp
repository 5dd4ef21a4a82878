#pragma once
// The repository that a stack's own `.env` names by BACKUP_ROOT, where nobody has said otherwise.

#include <optional>
#include <string>

#include "helper/session.hpp"

namespace davit::app {

struct BackupRoot {
  std::string location;  // a directory as this process sees it, or s3://bucket/prefix
  std::string source;    // "BACKUP_ROOT of /srv/hoss/.env"
};
// Read from the env files that Compose has recorded for the stack, or from `.env` of its project's directory: by this
// process where it sees them, else by a helper. Nothing if the Engine has no container of the stack, there is no such
// file, or it doesn't set it. `self` as for path_on_host(). Errc::usage where the value can't be told, or names a
// directory that davit's container doesn't see.
[[nodiscard]] Result<std::optional<BackupRoot>> find_backup_root(helper::Host& host, const std::string& self,
                                                                 const std::string& stack, RunContext& run);

}  // namespace davit::app
