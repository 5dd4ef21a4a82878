#include "sources/postgres/fill.hpp"

#include "sources/postgres/archive.hpp"
#include "sources/postgres/sql_text.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// $1: the form; then pg_restore and its arguments. Several workers, and the directory format, want files.
constexpr std::string_view kSpool = R"sh(
umask 077
dir=$(mktemp -d) || exit 81
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' HUP INT TERM
case $1 in
  directory) mkdir "$dir/dump" && tar -C "$dir/dump" -xf - || exit 82 ;;
  *) cat > "$dir/dump" || exit 81 ;;
esac
shift
"$@" "$dir/dump"
)sh";

Result<> run_pg_restore(const Server& server, std::string_view database, const Filling& filling,
                        stream::ByteSource& archive, RunContext& run) {
  std::vector<std::string> argv{"pg_restore", "-e", "--no-password", "-d", conninfo_of(database)};
  for (std::string& option : filling.ownership()) argv.push_back(std::move(option));
  if (filling.clean) argv.insert(argv.end(), {"--clean", "--if-exists"});
  if (filling.at_once && filling.jobs == 1) argv.emplace_back("--single-transaction");
  if (filling.jobs > 1) argv.insert(argv.end(), {"-j", std::to_string(filling.jobs)});
  if (filling.directory || filling.jobs > 1)
    argv.insert(argv.begin(), {"sh", "-c", std::string(kSpool), "davit", filling.directory ? "directory" : "custom"});
  TRY_ASSIGN(answer, server.programs().feed(std::move(argv), archive, run));
  if (answer.outcome.exit_code != 0) return std::unexpected(command_error("pg_restore", "pg_restore", answer.outcome));
  return {};
}

Result<> prepare_timescale(const Server& server, std::string_view database, const std::string& version,
                           RunContext& run) {
  const std::string which = version.empty() ? "" : " WITH VERSION " + quote_literal(version);
  return in_context(
      server.execute(database,
                     "CREATE EXTENSION IF NOT EXISTS timescaledb" + which + ";\nSELECT timescaledb_pre_restore();\n",
                     run),
      "prepare TimescaleDB");
}

Result<> finish_timescale(const Server& server, std::string_view database, RunContext& run) {
  return in_context(server.execute(database, "SELECT timescaledb_post_restore();\n", run), "finish TimescaleDB");
}

}  // namespace

std::vector<std::string> Filling::ownership() const {
  std::vector<std::string> options;
  if (!owners) options.emplace_back("--no-owner");
  if (!acls) options.emplace_back("--no-acl");
  return options;
}

Result<> fill_database(const Server& server, std::string_view database, const Filling& filling,
                       stream::ByteSource& archive, RunContext& run) {
  Result<> filled;
  if (filling.timescale) filled = prepare_timescale(server, database, *filling.timescale, run);
  if (filled) filled = run_pg_restore(server, database, filling, archive, run);
  const bool stays = filled && filling.at_once;
  // The archive's last entry may end before the stream does, and only the stream's end says that all of it was right.
  if (filled) filled = drain(archive);
  if (filling.timescale) {
    // The mark is the database's, and stays there until it is taken off, whatever becomes of the contents. It may be
    // there, too, where preparing failed: an answer may have been lost.
    RunContext to_the_end = run.unstoppable();
    auto finished = finish_timescale(server, database, to_the_end);
    if (filled)
      filled = std::move(finished);
    else if (!finished)
      run.reporter.note(
          "database " + escape_for_display(database) +
          " may be taken for half restored by TimescaleDB until the next restore: " + finished.error().message());
  }
  if (filled) filled = server.execute(database, "ANALYZE;\n", run);
  if (!filled && stays)
    return std::unexpected(std::move(filled).error().hint_if_none("what the dump holds is in the database now"));
  return filled;
}

Result<std::vector<std::string>> list_half_restored(const Server& server, RunContext& run) {
  TRY_ASSIGN(rows,
             server.query(server.database(), {"d.datname"},
                          "from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase where s.setrole "
                          "= 0 and d.datallowconn and exists (select from unnest(s.setconfig) as c(setting) where "
                          "c.setting ~* '^timescaledb\\.restoring=(on|true|yes|1)$') order by d.datname",
                          run));
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(row[0].value_or(""));
  return names;
}

Result<> settle_half_restored(const Server& server, RunContext& run) {
  TRY_ASSIGN(names, list_half_restored(server, run));
  for (const std::string& name : names) {
    TRY_ASSIGN(sessions,
               server.query(server.database(), {"pid"},
                            "from pg_stat_activity where pid <> pg_backend_pid() and datname = " + quote_literal(name) +
                                " and (application_name like 'davit%' or application_name = 'pg_restore')",
                            run));
    if (!sessions.empty()) continue;
    // It may be somebody else's, who keeps us out of it: no reason to restore nothing.
    const auto finished = finish_timescale(server, name, run);
    if (!finished && finished.error().code() == Errc::cancelled) return finished;
    run.reporter.note(
        "database " + escape_for_display(name) + " was left in the middle of a restore: " +
        (finished ? "TimescaleDB works in it again, but its contents may be a part only" : finished.error().message()));
  }
  return {};
}

}  // namespace davit::sources
