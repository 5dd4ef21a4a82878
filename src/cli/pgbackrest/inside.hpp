#pragma once
// A restore inside of the database's container: its wrapper stops and starts the server.

#include "app/pgbackrest/restore.hpp"

namespace davit::cli {

// Errc::usage where the server is not run by the wrapper: it can't be stopped without the container.
[[nodiscard]] Result<app::ServerControl> control_inside(const sources::Cluster& cluster);

}  // namespace davit::cli
