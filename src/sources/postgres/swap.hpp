#pragma once
// The moment in which restored databases take the place of the old ones: all of them in one transaction, in one session
// inside the container, begun only when its whole script has arrived. Whatever happens to davit, every database can be
// reached under its name afterwards: the old ones or the new ones.
//
// ALTER DATABASE … RENAME locks the database against new sessions, and then waits up to five seconds for those that it
// has: meanwhile they are ended, again and again, by a second session.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sources/postgres/server.hpp"

namespace davit::sources {

struct Replacement {
  std::string name;        // of the database
  std::string fresh_name;  // of the restored one, until the swap
  std::string old_name;    // of the old one, after the swap
  std::uint32_t fresh_oid = 0;
  std::optional<std::uint32_t> old_oid;  // nothing: there is no database of that name
};

// Renames so that the fresh ones have the names, or, `back`, the old ones have them again.
[[nodiscard]] std::vector<std::string> rename_statements(const std::vector<Replacement>& replacements, bool back);
// The query that ends the sessions which are in the way: of databases by their oids, so that it never ends a session
// that was begun after the swap, and of others while they have a temporary name.
[[nodiscard]] std::string end_sessions_query(const std::vector<Replacement>& replacements, bool back);

// Runs the renames, then `statements`, in one transaction. `maintenance` is a database that is not renamed.
[[nodiscard]] Result<> swap_databases(const Server& server, std::string_view maintenance,
                                      const std::vector<Replacement>& replacements, bool back,
                                      const std::vector<std::string>& statements, RunContext& run);

// Waits until no swap of this run is under way any more, whose answer was lost.
[[nodiscard]] Result<> wait_for_swap(const Server& server, RunContext& run);

}  // namespace davit::sources
