#include "sources/postgres/lone_restore.hpp"

#include <algorithm>

#include "sources/postgres/archive.hpp"
#include "sources/postgres/globals.hpp"
#include "sources/postgres/sql_text.hpp"
#include "sources/postgres/swap.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

Result<> drop(const Server& server, const std::string& name, RunContext& run) {
  return server.execute(
      server.database(),
      "DROP DATABASE IF EXISTS " + quote_identifier(name) + (server.major() >= 13 ? " WITH (FORCE);\n" : ";\n"), run);
}

// Whether there is TimescaleDB in it, the archive knows; of which version, only its record.
Filling completed(const Filling& filling, const ArchiveHead& head) {
  Filling completed = filling;
  if (!head.timescale)
    completed.timescale.reset();
  else if (!completed.timescale)
    completed.timescale.emplace();
  return completed;
}

Result<> fill_fresh(const Server& server, const Replacement& each, const Filling& filling, stream::ByteSource& archive,
                    RunContext& run) {
  TRY_ASSIGN(head, read_head(server, archive, {filling.directory, filling.ownership()}, run));
  TRY_ASSIGN(statements, statements_for(head.statements, each.fresh_name));
  TRY(server.execute(server.database(), join_statements(statements), run));
  PrefixedSource data(head.bytes, archive, run);
  return fill_database(server, each.fresh_name, completed(filling, head), data, run);
}

Result<bool> exists(const Server& server, const std::string& name, RunContext& run) {
  TRY_ASSIGN(databases, list_databases(server, run));
  return std::ranges::contains(databases, name, &Database::name);
}

Result<Names> role_names(const Server& server, RunContext& run) {
  TRY_ASSIGN(rows, server.query(server.database(), {"rolname"}, "from pg_roles", run));
  Names names;
  for (const Row& row : rows) names.insert(row[0].value_or(""));
  return names;
}

// GRANT a TO b, where either was made just now: of roles that were there, memberships stay as they are too.
bool concerns(std::string_view statement, const std::vector<std::string>& roles) {
  if (!begins_with(statement, "GRANT")) return false;
  const auto group = identifier_behind(statement, "GRANT");
  if (!group) return false;
  const std::string forms[] = {*group, quote_identifier(*group)};
  for (const std::string& form : forms) {
    const std::string head = "GRANT " + form + " TO ";
    if (!statement.starts_with(head)) continue;
    const auto member = identifier_behind("TO " + std::string(statement.substr(head.size())), "TO");
    return std::ranges::contains(roles, *group) || (member && std::ranges::contains(roles, *member));
  }
  return false;
}

}  // namespace

Result<> restore_as_new(const Server& server, const std::string& name, std::size_t number, const Filling& filling,
                        stream::ByteSource& archive, RunContext& run) {
  Replacement each;
  each.name = name;
  each.fresh_name = stage_name(Stage::fresh, run.run_id, number);
  each.old_name = stage_name(Stage::old, run.run_id, number);
  const auto restore = [&]() -> Result<> {
    TRY(fill_fresh(server, each, filling, archive, run));
    TRY_ASSIGN(taken, exists(server, name, run));
    if (taken) return fail(Errc::exists, "database " + escape_for_display(name) + " was made meanwhile");
    return swap_databases(server, server.database(), {each}, false, {}, run);
  };
  auto restored = restore();
  if (restored) return restored;
  RunContext to_the_end = run.unstoppable();
  if (const auto dropped = drop(server, each.fresh_name, to_the_end); !dropped)
    run.reporter.note("database " + each.fresh_name +
                      " is left over, and the next restore drops it: " + dropped.error().message());
  return restored;
}

Result<> restore_into(const Server& server, const std::string& name, const Filling& filling,
                      stream::ByteSource& archive, RunContext& run) {
  TRY_ASSIGN(head, read_head(server, archive, {filling.directory, filling.ownership()}, run));
  Filling at_once = completed(filling, head);
  at_once.at_once = true;
  PrefixedSource data(head.bytes, archive, run);
  return fill_database(server, name, at_once, data, run);
}

Result<std::vector<std::string>> make_missing_roles(const Server& server, std::string_view script, RunContext& run) {
  TRY_ASSIGN(present, role_names(server, run));
  TRY_ASSIGN(sorted, sort_globals(script, present, {}));
  if (sorted.new_roles.empty()) return std::vector<std::string>{};
  std::vector<std::string> statements = std::move(sorted.settings);
  std::ranges::move(sorted.make_roles, std::back_inserter(statements));
  for (std::string& statement : sorted.later)
    if (concerns(statement, sorted.new_roles)) statements.push_back(std::move(statement));
  auto made = server.execute(server.database(), join_statements(statements), run);
  if (made) return std::move(sorted.new_roles);
  drop_roles(server, sorted.new_roles, run);
  return std::unexpected(std::move(made).error().context("make the roles of the dump"));
}

void drop_roles(const Server& server, const std::vector<std::string>& roles, RunContext& run) {
  RunContext to_the_end = run.unstoppable();
  for (const std::string& role : roles)
    if (const auto dropped =
            server.execute(server.database(), "DROP ROLE IF EXISTS " + quote_identifier(role) + ";\n", to_the_end);
        !dropped)
      run.reporter.note("role " + escape_for_display(role) + " stays: " + dropped.error().message());
}

Result<> tidy_databases(const Server& server, RunContext& run) {
  TRY_ASSIGN(databases, list_databases(server, run));
  for (const Database& each : databases) {
    const auto stage = stage_of(each.name);
    if (!stage) continue;
    if (*stage == Stage::old) {
      run.reporter.note("database " + each.name +
                        " holds the old contents of an interrupted restore: drop it if nobody needs them");
      continue;
    }
    TRY_ASSIGN(sessions, server.query(server.database(), {"pid"},
                                      "from pg_stat_activity where pid <> pg_backend_pid() and (application_name like "
                                      "'davit%' or datname = " +
                                          quote_literal(each.name) + ")",
                                      run));
    if (!sessions.empty()) {
      run.reporter.note("database " + each.name + " belongs to another restore, or is left over from one, and stays");
    } else if (const auto dropped = drop(server, each.name, run); !dropped) {
      run.reporter.note("database " + each.name +
                        " is left over from a restore, and stays: " + dropped.error().message());
    }
  }
  return {};
}

}  // namespace davit::sources
