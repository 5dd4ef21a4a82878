#pragma once
// What stands in the way of restoring a cluster: versions, privileges, extensions, space, and databases that hold data.

#include <vector>

#include "helper/session.hpp"
#include "sources/postgres/server.hpp"
#include "sources/source.hpp"

namespace davit::sources {

[[nodiscard]] Result<std::vector<Conflict>> check_postgres(helper::Host& host, const model::Item& item,
                                                           const Target& target, RunContext& run);

// The major version of the server that was dumped; 0: unknown.
[[nodiscard]] int recorded_major(const model::Item& item);

// Comparing the server's major version with the recorded one; nothing if they agree. 0: unknown.
[[nodiscard]] std::vector<Conflict> check_version(int recorded, int present, bool allow_change,
                                                  const std::string& service);

// Adds databases of the backup that are there and hold something. Asked again right before they are replaced.
[[nodiscard]] Result<> check_databases(const Server& server, const model::Item& item, std::vector<Conflict>& conflicts,
                                       RunContext& run);

}  // namespace davit::sources
