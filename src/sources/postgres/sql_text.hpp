#pragma once
// SQL as text: quoting, and reading of the scripts that pg_dumpall and pg_restore write. A script out of a backup is
// never given to psql as it is: it is cut into statements, those that are wanted are chosen, and psql's own commands
// (lines that begin with a backslash) are dropped, so that nothing in a dump can speak to psql.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace davit::sources {

[[nodiscard]] std::string quote_identifier(std::string_view name);  // "my""db"
[[nodiscard]] std::string quote_literal(std::string_view text);  // 'it''s', E'a\\b': right under either string setting
// The value for `-d`: "dbname='…'". A bare name would be read as conninfo, and could name another database.
[[nodiscard]] std::string conninfo_of(std::string_view database);

// The statements of a script, each with its semicolon, without comments and commands of psql.
// Errc::corrupt if the script ends inside a quote or a statement.
[[nodiscard]] Result<std::vector<std::string>> split_statements(std::string_view script);

// True if the statement begins with these words ("ALTER ROLE"), whatever the case and space.
[[nodiscard]] bool begins_with(std::string_view statement, std::string_view words);
// The identifier behind those words, unquoted: ("CREATE ROLE \"a b\";", "CREATE ROLE") is `a b`.
[[nodiscard]] std::optional<std::string> identifier_behind(std::string_view statement, std::string_view words);
// The statement with the identifier behind its first word DATABASE replaced; nothing if there is none.
[[nodiscard]] std::optional<std::string> retarget_database(std::string_view statement, std::string_view name);

}  // namespace davit::sources
