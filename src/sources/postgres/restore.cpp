#include "sources/postgres/restore.hpp"

#include <algorithm>

#include "sources/postgres/archive.hpp"
#include "sources/postgres/check.hpp"
#include "sources/postgres/inventory.hpp"
#include "sources/postgres/sql_text.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr std::size_t kGlobalsLimit = 64U << 20U;
// $1: the directory; $2: the data directory, whose owner it gets. Says what it makes, the deepest first.
constexpr std::string_view kMakeDirectory =
    R"sh(d=$1; while [ ! -d "$d" ]; do printf '%s\n' "$d"; d=$(dirname -- "$d"); done; mkdir -p -- "$1" && chmod 700 -- "$1" && chown -- "$(stat -c %u:%g "$2")" "$1")sh";

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
  TRY_ASSIGN(seat, Seat::take(host, item, target, run));
  std::unique_ptr<PostgresRestoration> restoration(new PostgresRestoration(std::move(seat), item));
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
    restoration->maintenance_ = std::move(maintenance);
    restoration->tidy(databases, run);
    return {};
  };
  if (auto prepared = prepare(); !prepared) {
    if (auto undone = restoration->seat_.undo(); !undone) run.reporter.note(undone.error().message());
    return std::unexpected(std::move(prepared).error());
  }
  return std::unique_ptr<Restoration>(std::move(restoration));
}

// Whether another davit is still at work on it can be seen by the containers of its run, and by the sessions of davit
// in this server, whoever's they are. One of ours may take a moment to end behind its command.
Result<> PostgresRestoration::drop_leftover(const std::string& name, RunContext& run) const {
  using namespace std::chrono_literals;
  TRY_ASSIGN(containers, server().engine().list_containers({.labels = {std::string(engine::kRunLabel)}, .names = {}}));
  for (const engine::ContainerSummary& container : containers)
    if (const auto label = container.labels.find(engine::kRunLabel);
        label != container.labels.end() && label->second.starts_with(run_of(name)))
      return fail(Errc::locked, "its run has the container " + container.name);
  for (int poll = 0;; ++poll) {
    TRY_ASSIGN(sessions,
               server().query(maintenance_, {"pid"},
                              "from pg_stat_activity where pid <> pg_backend_pid() and (application_name like 'davit%' "
                              "or datname = " +
                                  quote_literal(name) + ")",
                              run));
    if (sessions.empty()) break;
    if (poll == 10) return fail(Errc::locked, "another davit is at work in this server");
    run.clock.sleep_for(200ms);
  }
  return server().execute(maintenance_, "DROP DATABASE " + quote_identifier(name) + ";\n", run);
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
  // From here on rollback() drops them.
  globals_ = std::move(sorted);
  TRY(make_directories(run));
  return server().execute(maintenance_,
                          join_statements(globals_.settings) + join_statements(globals_.make_roles) +
                              join_statements(globals_.make_tablespaces),
                          run);
}

// CREATE TABLESPACE wants its directory, empty and owned by the server's user.
Result<> PostgresRestoration::make_directories(RunContext& run) {
  for (const std::string& name : globals_.new_tablespaces) {
    const std::string location = attribute(item_.attributes, "tablespace." + name);
    if (location.empty()) continue;
    engine::Command command = server().command(
        {"sh", "-c", std::string(kMakeDirectory), "davit", location, attribute(item_.attributes, "data_directory")});
    TRY_ASSIGN(answer, engine::run_command_for_text(server().engine(), server().container(), command, run));
    if (answer.outcome.exit_code != 0)
      return std::unexpected(
          command_error("make directory " + location + " for tablespace " + name, "mkdir", answer.outcome));
    const std::vector<std::string> made = split(trim(answer.out), '\n');
    made_directories_.insert(made_directories_.begin(), made.begin(), made.end());
  }
  return {};
}

Result<> PostgresRestoration::stage_database(const model::Artefact& artefact, stream::ByteSource& plain,
                                             RunContext& run) {
  const std::string name = attribute(artefact.attributes, "database");
  TRY_ASSIGN(head, read_head(server(), plain, run));
  Replacement each;
  each.name = name;
  each.fresh_name = stage_name(Stage::fresh, run.run_id, replacements_.size() + 1);
  each.old_name = stage_name(Stage::old, run.run_id, replacements_.size() + 1);
  TRY_ASSIGN(statements, statements_for(head.statements, each.fresh_name));
  // From here on rollback() drops it.
  replacements_.push_back(each);
  TRY(server().execute(maintenance_, join_statements(statements), run));

  PrefixedSource data(head.bytes, plain, run);
  TRY(fill(artefact, each.fresh_name, data, run));
  // The archive's last entry may end before the stream does, and only the stream's end says that all of it was right.
  return drain(data);
}

Result<> PostgresRestoration::fill(const model::Artefact& artefact, const std::string& fresh_name,
                                   stream::ByteSource& data, RunContext& run) {
  const Extensions extensions = parse_extensions(attribute(artefact.attributes, "extensions"));
  const auto timescale = extensions.find("timescaledb");
  if (timescale != extensions.end())
    TRY(in_context(server().execute(fresh_name,
                                    "CREATE EXTENSION IF NOT EXISTS timescaledb WITH VERSION " +
                                        quote_literal(timescale->second) + ";\nSELECT timescaledb_pre_restore();\n",
                                    run),
                   "prepare TimescaleDB"));
  TRY_ASSIGN(answer,
             engine::feed_command(
                 server().engine(), server().container(),
                 server().command({"pg_restore", "-e", "--no-password", "-d", conninfo_of(fresh_name)}), data, run));
  if (answer.outcome.exit_code != 0)
    return std::unexpected(
        command_error("pg_restore", "pg_restore", answer.outcome).hint_if_none("no database was changed"));
  if (timescale != extensions.end())
    TRY(in_context(server().execute(fresh_name, "SELECT timescaledb_post_restore();\n", run), "finish TimescaleDB"));
  return server().execute(fresh_name, "ANALYZE;\n", run);
}

Result<> PostgresRestoration::commit(RunContext& run) {
  // What was there is asked for now and not before: it may have changed while the dumps were restored.
  TRY_ASSIGN(databases, list_databases(server(), run));
  for (Replacement& each : replacements_) {
    for (const Database& database : databases) {
      if (database.name == each.fresh_name) each.fresh_oid = database.oid;
      if (database.name == each.name) each.old_oid = database.oid;
    }
    if (each.fresh_oid == 0)
      return fail(Errc::failed,
                  "database " + each.fresh_name + " is gone, which was restored as " + escape_for_display(each.name));
  }
  for (const Database& database : databases)
    if (!database.obstacle() && std::ranges::none_of(replacements_, [&](const Replacement& each) {
          return each.name == database.name || each.fresh_name == database.name;
        }))
      run.reporter.note("database " + escape_for_display(database.name) + " is not in the backup, and stays as it is");
  TRY_ASSIGN(roles,
             engine::run_command_for_text(
                 server().engine(), server().container(),
                 server().command({"pg_dumpall", "--roles-only", "--no-password", "-l", server().database()}), run));
  if (roles.outcome.exit_code != 0)
    return std::unexpected(command_error("read the present roles", "pg_dumpall", roles.outcome));
  roles_before_ = std::move(roles.out);

  std::vector<std::string> statements = globals_.settings;
  statements.insert(statements.end(), globals_.later.begin(), globals_.later.end());
  swap_begun_ = true;
  auto swapped = swap_databases(server(), maintenance_, replacements_, false, statements, run);
  swap_answered_ = swapped.has_value() || swapped.error().code() == Errc::failed;
  return swapped;
}

Result<> PostgresRestoration::drop_database(std::string_view name, RunContext& run) {
  std::string script;
  // A client that looks at every database (a monitor) may have a session in it.
  if (server().major() < 13)
    script = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = " + quote_literal(name) + ";\n";
  script +=
      "DROP DATABASE IF EXISTS " + quote_identifier(name) + (server().major() >= 13 ? " WITH (FORCE)" : "") + ";\n";
  return server().execute(maintenance_, script, run);
}

Result<> PostgresRestoration::finish(RunContext& run) {
  Result<> result;
  const auto keep_first = [&result](Result<> step) {
    if (result && !step) result = std::move(step);
  };
  for (const Replacement& each : replacements_)
    if (each.old_oid)
      keep_first(in_context(
          drop_database(each.old_name, run),
          "remove the old contents of database " + escape_for_display(each.name) + " (" + each.old_name + ")"));
  replacements_.clear();
  // A server that is removed without having been stopped leaves a cluster that must recover.
  keep_first(seat_.close());
  return result;
}

Result<> PostgresRestoration::rollback(RunContext& run) {
  Result<> result;
  const auto keep_first = [&result](Result<> step) {
    if (result && !step) result = std::move(step);
  };
  keep_first(undo_swap(run));
  // While a restored database bears the name of an old one, nothing may be dropped.
  if (result) {
    keep_first(drop_fresh(run));
    keep_first(undo_roles(run));
    if (result) keep_first(remove_directories(run));
  }
  keep_first(seat_.undo());
  return result;
}

Result<> PostgresRestoration::undo_swap(RunContext& run) {
  if (!swap_begun_) return {};
  // Whether the swap happened is the server's to say: its answer may have been lost. It is all or nothing.
  if (!swap_answered_) TRY(wait_for_swap(server(), run));
  TRY_ASSIGN(databases, list_databases(server(), run));
  const auto named = [&](std::uint32_t oid, const std::string& name) {
    return std::ranges::any_of(databases, [&](const Database& each) { return each.oid == oid && each.name == name; });
  };
  if (!replacements_.empty() && named(replacements_.front().fresh_oid, replacements_.front().name)) {
    TRY_ASSIGN(statements, undo_globals(roles_before_, globals_.later));
    TRY(swap_databases(server(), maintenance_, replacements_, true, statements, run));
  }
  swap_begun_ = false;
  return {};
}

Result<> PostgresRestoration::drop_fresh(RunContext& run) {
  Result<> result;
  for (const Replacement& each : replacements_)
    if (auto dropped = drop_database(each.fresh_name, run); !dropped && result) result = std::move(dropped);
  if (result) replacements_.clear();
  return result;
}

// Only empty ones go, so nothing of anybody else's can.
Result<> PostgresRestoration::remove_directories(RunContext& run) {
  std::erase(made_directories_, "");
  if (made_directories_.empty()) return {};
  std::vector<std::string> argv{"sh", "-c", R"sh(for d; do rmdir -- "$d" 2>/dev/null; done; :)sh", "davit"};
  argv.insert(argv.end(), made_directories_.begin(), made_directories_.end());
  made_directories_.clear();
  return engine::run_command_for_text(server().engine(), server().container(), server().command(std::move(argv)), run)
      .transform([](const auto&) {});
}

Result<> PostgresRestoration::undo_roles(RunContext& run) {
  std::string script;
  for (const std::string& name : globals_.new_tablespaces)
    script += "DROP TABLESPACE IF EXISTS " + quote_identifier(name) + ";\n";
  for (const std::string& name : globals_.new_roles) script += "DROP ROLE IF EXISTS " + quote_identifier(name) + ";\n";
  globals_ = {};
  return script.empty() ? Result<>() : server().execute(maintenance_, script, run);
}

}  // namespace davit::sources
