#pragma once
// Roles and tablespaces: the script of `pg_dumpall --globals-only`, sorted by when a restore may apply it. Roles that
// are missing are made at once, since restored objects need their owners. What changes a role that is there already
// waits for the swap of the databases, so that it happens in the same transaction or not at all.

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace davit::sources {

struct Globals {
  std::vector<std::string> settings;          // SET of the script: how its text is to be read
  std::vector<std::string> make_roles;        // CREATE ROLE and ALTER ROLE of roles that are missing
  std::vector<std::string> make_tablespaces;  // CREATE TABLESPACE of those that are missing
  std::vector<std::string> later;             // all else
  std::vector<std::string> new_roles;         // names
  std::vector<std::string> new_tablespaces;
};

using Names = std::set<std::string, std::less<>>;
[[nodiscard]] Result<Globals> sort_globals(std::string_view script, const Names& roles, const Names& tablespaces);

// The statements that lead roles back to what `before` (a script of pg_dumpall --roles-only) says of them, after the
// statements `applied`: memberships that came with `applied` are revoked, attributes and settings are set anew.
[[nodiscard]] Result<std::vector<std::string>> undo_globals(std::string_view before,
                                                            const std::vector<std::string>& applied);

// Statements as a script, one a line or more.
[[nodiscard]] std::string join_statements(const std::vector<std::string>& statements);

}  // namespace davit::sources
