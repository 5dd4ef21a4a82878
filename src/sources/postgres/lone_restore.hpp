#pragma once
// Restoring a single database from an archive: as a new one, which is there whole or not at all, or into one that is
// there.

#include <string>
#include <vector>

#include "sources/postgres/fill.hpp"
#include "sources/postgres/inventory.hpp"

namespace davit::sources {

// Makes it under a temporary name, which a dead run leaves and the next restore drops, and gives it its name when it is
// whole. Errc::exists if there is one of that name by then. `number` tells the databases of one run apart.
[[nodiscard]] Result<> restore_as_new(const Server& server, const std::string& name, std::size_t number,
                                      const Filling& filling, stream::ByteSource& archive, RunContext& run);

// In one transaction, unless there are several jobs: so after an error the database is as it was, or the hint says that
// it isn't.
[[nodiscard]] Result<> restore_into(const Server& server, const std::string& name, const Filling& filling,
                                    stream::ByteSource& archive, RunContext& run);

// Makes the roles of a script of pg_dumpall that the server doesn't have, with their passwords and memberships; roles
// that are there stay as they are. Returns the names of those that it made. Tablespaces are left to the server.
[[nodiscard]] Result<std::vector<std::string>> make_missing_roles(const Server& server, std::string_view script,
                                                                  RunContext& run);
// Takes back what make_missing_roles() did; roles that something belongs to by now stay, which is noted.
void drop_roles(const Server& server, const std::vector<std::string>& roles, RunContext& run);

// Drops what dead runs have left under temporary names, where nobody of davit is at work in the server; what it can't
// drop is noted, and so are old contents that a restore had put aside.
[[nodiscard]] Result<> tidy_databases(const Server& server, RunContext& run);

}  // namespace davit::sources
