#pragma once
// The use case of `davit init`: everything that backups by pgBackRest need beside a server. What is right stays as it
// is, so running it again changes nothing.

#include <string>
#include <vector>

#include "app/pgbackrest/restore.hpp"
#include "sources/pgbackrest/setup.hpp"

namespace davit::app {

// What was done, a line for each thing; none if all was right already. `makes_directories` run as root, where that can
// be had. The server is restarted if archiving was off. Errors of the steps; what was done before stays.
[[nodiscard]] Result<std::vector<std::string>> init_physical(const sources::Programs& makes_directories,
                                                             ServerControl control,
                                                             const sources::SetupOptions& options, RunContext& run);

}  // namespace davit::app
