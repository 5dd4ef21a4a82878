#include "sources/postgres/globals.hpp"

#include <algorithm>

#include "sources/postgres/sql_text.hpp"

namespace davit::sources {
namespace {

// Settings of a script that decide how its text is read; the others (such as timeouts) are our session's own affair.
bool is_reading_setting(std::string_view statement) {
  return begins_with(statement, "SET client_encoding") || begins_with(statement, "SET standard_conforming_strings");
}

// `GRANT a TO b …` between roles: "REVOKE a FROM b". Grants on objects (tablespaces, parameters) are something else.
std::optional<std::string> revocation(std::string_view statement) {
  const auto group = identifier_behind(statement, "GRANT");
  if (!group) return std::nullopt;
  const std::string forms[] = {*group, quote_identifier(*group)};
  for (const std::string& form : forms) {
    const std::string head = "GRANT " + form + " TO ";
    if (!statement.starts_with(head)) continue;
    const auto member = identifier_behind("TO " + std::string(statement.substr(head.size())), "TO");
    if (member) return "REVOKE " + quote_identifier(*group) + " FROM " + quote_identifier(*member) + ";";
  }
  return std::nullopt;
}

}  // namespace

Result<Globals> sort_globals(std::string_view script, const Names& roles, const Names& tablespaces) {
  Globals sorted;
  TRY_ASSIGN(statements, split_statements(script));
  for (std::string& statement : statements) {
    if (begins_with(statement, "SET") || begins_with(statement, "SELECT")) {
      if (is_reading_setting(statement)) sorted.settings.push_back(std::move(statement));
    } else if (const auto role = identifier_behind(statement, "CREATE ROLE")) {
      if (roles.contains(*role)) continue;
      sorted.new_roles.push_back(*role);
      sorted.make_roles.push_back(std::move(statement));
    } else if (const auto altered = identifier_behind(statement, "ALTER ROLE");
               altered && std::ranges::contains(sorted.new_roles, *altered)) {
      sorted.make_roles.push_back(std::move(statement));
    } else if (const auto tablespace = identifier_behind(statement, "CREATE TABLESPACE")) {
      if (tablespaces.contains(*tablespace)) continue;
      sorted.new_tablespaces.push_back(*tablespace);
      sorted.make_tablespaces.push_back(std::move(statement));
    } else {
      sorted.later.push_back(std::move(statement));
    }
  }
  return sorted;
}

Result<std::vector<std::string>> undo_globals(std::string_view before, const std::vector<std::string>& applied) {
  TRY_ASSIGN(statements, split_statements(before));
  std::vector<std::string> undo;
  for (const std::string& statement : applied)
    if (const auto revoke = revocation(statement); revoke && !std::ranges::contains(statements, statement))
      undo.push_back(*revoke);
  for (const std::string& statement : statements) {
    if (is_reading_setting(statement)) {
      undo.insert(undo.begin(), statement);
    } else if (const auto role = identifier_behind(statement, "CREATE ROLE")) {
      // pg_dumpall leaves out what has its default. A limit that never ends is the default but for how it is shown.
      undo.push_back("ALTER ROLE " + quote_identifier(*role) +
                     " CONNECTION LIMIT -1 VALID UNTIL 'infinity' PASSWORD NULL;");
      undo.push_back("ALTER ROLE " + quote_identifier(*role) + " RESET ALL;");
    } else if (begins_with(statement, "ALTER ROLE")) {
      undo.push_back(statement);
    }
  }
  return undo;
}

std::string join_statements(const std::vector<std::string>& statements) {
  std::string script;
  for (const std::string& statement : statements) script += statement + "\n";
  return script;
}

}  // namespace davit::sources
