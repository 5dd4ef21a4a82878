#include "sources/postgres/restore.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sources/place_restore.hpp"
#include "sources/postgres/archive.hpp"
#include "sources/postgres/check.hpp"
#include "sources/postgres/cluster_undo.hpp"
#include "sources/postgres/fill.hpp"
#include "sources/postgres/inventory.hpp"
#include "sources/postgres/sql_text.hpp"
#include "sources/restore_entry.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr std::size_t kGlobalsLimit = 64U << 20U;
// $1: the directory. Says which of it and those above it are missing, the deepest first.
constexpr std::string_view kMissing =
    R"sh(d=$1; while [ ! -d "$d" ]; do printf '%s\n' "$d"; d=$(dirname -- "$d"); done)sh";
// $1: the directory; $2: the data directory, whose owner it gets.
constexpr std::string_view kMakeDirectory =
    R"sh(mkdir -p -- "$1" && chmod 700 -- "$1" && chown -- "$(stat -L -c %u:%g "$2")" "$1")sh";

using model::attribute;

// Nobody can be connected to a database that is renamed, so the statements go through one that isn't.
Result<std::string> choose_maintenance(const std::vector<Database>& databases, const model::Item& item) {
  const auto restored = [&](const std::string& name) {
    return std::ranges::any_of(item.artefacts,
                               [&](const auto& each) { return attribute(each.attributes, "database") == name; });
  };
  const auto usable = [&](const Database& each) { return each.allows_connections && !restored(each.name); };
  for (const std::string_view name : {"template1", "postgres"})
    if (std::ranges::any_of(databases, [&](const Database& each) { return each.name == name && usable(each); }))
      return std::string(name);
  const auto other = std::ranges::find_if(databases, usable);
  if (other != databases.end()) return other->name;
  return fail(Errc::failed, "no database is left to work from while the others are replaced",
              "create one: CREATE DATABASE template1 TEMPLATE template0");
}

Result<Names> list_names(const Server& server, const std::string& column, const std::string& from, RunContext& run) {
  TRY_ASSIGN(rows, server.query(server.database(), {column}, "from " + from, run));
  Names names;
  for (const Row& row : rows) names.insert(row[0].value_or(""));
  return names;
}

}  // namespace

Result<std::unique_ptr<Restoration>> PostgresRestoration::begin(helper::Host& host, const model::Item& item,
                                                                const Target& target, RunContext& run) {
  ClusterEntry entry;
  entry.run = run.run_id;
  entry.project = target.stack;
  entry.service = item.id.name;
  TRY_ASSIGN(seat, Seat::take(host, item, target, entry, run));
  std::unique_ptr<PostgresRestoration> restoration(
      new PostgresRestoration(std::move(seat), item, target, std::move(entry)));
  const auto prepare = [&]() -> Result<> {
    if (!restoration->server().superuser())
      return fail(Errc::credentials,
                  "role " + restoration->server().user() + " is no superuser, and a restore needs one");
    // Of a server that didn't run, only an image that tells its version could be compared beforehand.
    if (const auto conflicts = check_version(recorded_major(item), restoration->server().major(),
                                             target.allow_version_change, item.id.name);
        !conflicts.empty())
      return fail(Errc::failed, conflicts.front().what, conflicts.front().remedy);
    TRY_ASSIGN(databases, list_databases(restoration->server(), run));
    TRY_ASSIGN(maintenance, choose_maintenance(databases, item));
    restoration->entry_.maintenance = std::move(maintenance);
    restoration->tidy(databases, run);
    return {};
  };
  if (auto prepared = prepare(); !prepared) {
    if (auto undone = restoration->seat_.undo(run); !undone)
      run.reporter.warning(undone.error().message());
    else
      strike(target.journal, restoration->entry_.key(), run);
    return std::unexpected(std::move(prepared).error());
  }
  return std::unique_ptr<Restoration>(std::move(restoration));
}

// Whether another davit is still at work on it can be seen by the containers of its run, and by the sessions of davit
// in this server, whoever's they are. One of ours may take a moment to end behind its command.
Result<> PostgresRestoration::drop_leftover(const std::string& name, RunContext& run) const {
  using namespace std::chrono_literals;
  TRY_ASSIGN(containers, seat_.engine().list_containers({.labels = {std::string(engine::kRunLabel)}, .names = {}}));
  for (const engine::ContainerSummary& container : containers)
    if (const auto label = container.labels.find(engine::kRunLabel);
        label != container.labels.end() && label->second.starts_with(run_of(name)))
      return fail(Errc::locked, "its run has the container " + container.name);
  for (int poll = 0;; ++poll) {
    TRY_ASSIGN(sessions,
               server().query(entry_.maintenance, {"pid"},
                              "from pg_stat_activity where pid <> pg_backend_pid() and (application_name like 'davit%' "
                              "or datname = " +
                                  quote_literal(name) + ")",
                              run));
    if (sessions.empty()) break;
    if (poll == 10) return fail(Errc::locked, "another davit is at work in this server");
    run.clock.sleep_for(200ms);
  }
  return server().execute(entry_.maintenance, "DROP DATABASE " + quote_identifier(name) + ";\n", run);
}

// What a dead run had not finished is worth nothing; what it had put aside is its user's, who may want it.
void PostgresRestoration::tidy(const std::vector<Database>& databases, RunContext& run) const {
  for (const Database& each : databases) {
    const auto stage = stage_of(each.name);
    if (!stage) continue;
    if (*stage == Stage::old) {
      run.reporter.note("database " + each.name +
                        " holds the old contents of an interrupted restore: drop it if nobody needs them");
    } else if (const auto dropped = drop_leftover(each.name, run); !dropped) {
      run.reporter.note("database " + each.name + " belongs to another restore, or is left over from one, and stays: " +
                        dropped.error().message());
    }
  }
}

Result<std::vector<Finding>> PostgresRestoration::stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                                        RunContext& run) {
  stream::Decoder plain(artefact.codec, stored, artefact.plain, artefact.stored);
  if (artefact.content == model::Content::sql) {
    TRY(in_context(stage_globals(plain, run), "restore roles and tablespaces"));
  } else {
    const std::string name = attribute(artefact.attributes, "database");
    TRY(in_context(stage_database(artefact, plain, run), "restore database " + escape_for_display(name)));
  }
  return std::vector<Finding>{};
}

Result<> PostgresRestoration::stage_globals(stream::ByteSource& plain, RunContext& run) {
  TRY_ASSIGN(script, stream::read_all(plain, kGlobalsLimit));
  TRY_ASSIGN(roles, list_names(server(), "rolname", "pg_roles", run));
  TRY_ASSIGN(tablespaces, list_names(server(), "spcname", "pg_tablespace", run));
  TRY_ASSIGN(sorted, sort_globals(script, roles, tablespaces));
  globals_ = std::move(sorted);
  // From here on rollback() drops them.
  entry_.roles = globals_.new_roles;
  entry_.tablespaces = globals_.new_tablespaces;
  TRY(record());
  TRY(make_directories(run));
  return server().execute(entry_.maintenance,
                          join_statements(globals_.settings) + join_statements(globals_.make_roles) +
                              join_statements(globals_.make_tablespaces),
                          run);
}

// CREATE TABLESPACE wants its directory, empty and owned by the server's user.
Result<> PostgresRestoration::make_directories(RunContext& run) {
  for (const std::string& name : globals_.new_tablespaces) {
    const std::string location = attribute(item_.attributes, "tablespace." + name);
    if (location.empty()) continue;
    const auto in_server = [&](std::vector<std::string> argv) -> Result<std::string> {
      TRY_ASSIGN(answer, server().programs().ask(std::move(argv), run));
      if (answer.outcome.exit_code == 0) return std::move(answer.out);
      return std::unexpected(
          command_error("make directory " + location + " for tablespace " + name, "mkdir", answer.outcome));
    };
    TRY_ASSIGN(out, in_server({"sh", "-c", std::string(kMissing), "davit", location}));
    const std::vector<std::string> missing = split(trim(out), '\n');
    if (missing.empty()) continue;
    entry_.directories.insert(entry_.directories.begin(), missing.begin(), missing.end());
    TRY(record());
    TRY(in_server(
        {"sh", "-c", std::string(kMakeDirectory), "davit", location, attribute(item_.attributes, "data_directory")}));
  }
  return {};
}

Result<> PostgresRestoration::stage_database(const model::Artefact& artefact, stream::ByteSource& plain,
                                             RunContext& run) {
  const std::string name = attribute(artefact.attributes, "database");
  TRY_ASSIGN(head, read_head(server(), plain, {}, run));
  Replacement each;
  each.name = name;
  each.fresh_name = stage_name(Stage::fresh, run.run_id, entry_.replacements.size() + 1);
  each.old_name = stage_name(Stage::old, run.run_id, entry_.replacements.size() + 1);
  TRY_ASSIGN(statements, statements_for(head.statements, each.fresh_name));
  // From here on rollback() drops it.
  entry_.replacements.push_back(each);
  TRY(record());
  TRY(server().execute(entry_.maintenance, join_statements(statements), run));

  PrefixedSource data(head.bytes, plain, run);
  const Extensions extensions = parse_extensions(attribute(artefact.attributes, "extensions"));
  Filling filling;
  if (const auto timescale = extensions.find("timescaledb"); timescale != extensions.end())
    filling.timescale = timescale->second;
  auto filled = fill_database(server(), each.fresh_name, filling, data, run);
  if (!filled) return std::unexpected(std::move(filled).error().hint_if_none("no database was changed"));
  return filled;
}

Result<> PostgresRestoration::commit(RunContext& run) {
  std::vector<Conflict> conflicts;
  // What an image has put into a cluster that was made for the restore is nobody's.
  if (!replace_ && !seat_.one_off()) TRY(check_databases(server(), item_, conflicts, run));
  TRY(refuse_conflicts(conflicts, replace_));
  // What was there is asked for now and not before: it may have changed while the dumps were restored.
  TRY_ASSIGN(databases, list_databases(server(), run));
  for (Replacement& each : entry_.replacements) {
    for (const Database& database : databases) {
      if (database.name == each.fresh_name) each.fresh_oid = database.oid;
      if (database.name == each.name) each.old_oid = database.oid;
    }
    if (each.fresh_oid == 0)
      return fail(Errc::failed,
                  "database " + each.fresh_name + " is gone, which was restored as " + escape_for_display(each.name));
  }
  for (const Database& database : databases)
    if (!database.obstacle() && std::ranges::none_of(entry_.replacements, [&](const Replacement& each) {
          return each.name == database.name || each.fresh_name == database.name;
        }))
      run.reporter.note("database " + escape_for_display(database.name) + " is not in the backup, and stays as it is");
  TRY_ASSIGN(roles,
             server().programs().ask({"pg_dumpall", "--roles-only", "--no-password", "-l", server().database()}, run));
  if (roles.outcome.exit_code != 0)
    return std::unexpected(command_error("read the present roles", "pg_dumpall", roles.outcome));
  TRY_ASSIGN(undo, undo_globals(roles.out, globals_.later));

  std::vector<std::string> statements = globals_.settings;
  statements.insert(statements.end(), globals_.later.begin(), globals_.later.end());
  ClusterEntry begun = entry_;
  begun.undo = std::move(undo);
  begun.swap_begun = true;
  if (journal_ != nullptr) TRY(journal_->record(begun.key(), to_json(begun)));
  entry_ = std::move(begun);
  auto swapped = swap_databases(server(), entry_.maintenance, entry_.replacements, false, statements, run);
  swap_answered_ = swapped.has_value() || swapped.error().code() == Errc::failed;
  return swapped;
}

Result<> PostgresRestoration::finish(RunContext& run) {
  auto result = drop_old(server(), entry_, run);
  // A server that is removed without having been stopped leaves a cluster that must recover.
  if (auto closed = seat_.close(); !closed && result) result = std::move(closed);
  if (!result) return result;
  seat_.keep_volumes(run);
  strike(journal_, entry_.key(), run);
  return {};
}

Result<> PostgresRestoration::rollback(RunContext& run) {
  auto result = lead_back(server(), entry_, swap_answered_, run);
  if (auto undone = seat_.undo(run); !undone && result) result = std::move(undone);
  if (result) strike(journal_, entry_.key(), run);
  return result;
}

Result<> PostgresRestoration::record() {
  return journal_ == nullptr ? Result<>() : journal_->record(entry_.key(), to_json(entry_));
}

}  // namespace davit::sources
