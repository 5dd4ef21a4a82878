#include "sources/postgres/swap.hpp"

#include "sources/postgres/globals.hpp"
#include "sources/postgres/sql_text.hpp"
#include "stream/memory_stream.hpp"

namespace davit::sources {
namespace {

// $1: the script's last line; $2: conninfo; $3: the query that ends sessions; $4: the name of its sessions. The script
// holds hashes of passwords, so it comes by stdin, and is run only when it is whole. psql writes into a variable, not
// to davit, which may be gone. Three tries: RENAME gives up (55006) when a session takes more than five seconds to end.
constexpr std::string_view kSwap = R"sh(
export PGAPPNAME="$4"
script=$(cat)
case $script in
  *"$1") ;;
  *) echo 'the script did not arrive whole: nothing was changed' >&2; exit 90 ;;
esac
( trap 'exit 0' TERM
  while :; do psql -X -q -A -t -w -d "$2" -c "$3" > /dev/null 2>&1 < /dev/null; sleep 0.2 2>/dev/null || sleep 1; done ) > /dev/null 2>&1 < /dev/null &
ender=$!
for try in 1 2 3; do
  out=$(printf '%s\n' "$script" | psql -X -q -A -t -w -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -d "$2" -f - 2>&1)
  rc=$?
  case "$rc:$out" in 0:*) break ;; *55006*) ;; *) break ;; esac
done
kill "$ender" 2>/dev/null
wait "$ender" 2>/dev/null
printf '%s\n' "$out" >&2
exit "$rc"
)sh";

std::string rename(std::string_view from, std::string_view to) {
  return "ALTER DATABASE " + quote_identifier(from) + " RENAME TO " + quote_identifier(to) + ";";
}

std::string session_name(const RunContext& run) { return "davit-swap-" + run.run_id.substr(0, 32); }

}  // namespace

std::vector<std::string> rename_statements(const std::vector<Replacement>& replacements, bool back) {
  std::vector<std::string> statements;
  for (const Replacement& each : replacements) {
    if (back) {
      statements.push_back(rename(each.name, each.fresh_name));
      if (each.old_oid) statements.push_back(rename(each.old_name, each.name));
    } else {
      if (each.old_oid) statements.push_back(rename(each.name, each.old_name));
      statements.push_back(rename(each.fresh_name, each.name));
    }
  }
  return statements;
}

std::string end_sessions_query(const std::vector<Replacement>& replacements, bool back) {
  std::string oids = "0";
  std::string names = "''";
  for (const Replacement& each : replacements) {
    if (back) {
      oids += "," + std::to_string(each.fresh_oid);
      names += "," + quote_literal(each.old_name);
    } else {
      if (each.old_oid) oids += "," + std::to_string(*each.old_oid);
      names += "," + quote_literal(each.fresh_name);
    }
  }
  return "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and (datid in (" + oids +
         ") or datname in (" + names + "))";
}

Result<> swap_databases(const Server& server, std::string_view maintenance,
                        const std::vector<Replacement>& replacements, bool back,
                        const std::vector<std::string>& statements, RunContext& run) {
  // It takes seconds at most, and whoever stopped waiting for it would not know what became of it.
  RunContext to_the_end{run.run_id, run.clock, run.reporter, std::stop_token()};
  const std::string last_line = "-- " + run.run_id;
  std::string script = "BEGIN;\n" + join_statements(rename_statements(replacements, back)) +
                       join_statements(statements) + "COMMIT;\n" + last_line;
  stream::MemorySource in(std::move(script));
  TRY_ASSIGN(answer,
             server.programs().feed({"sh", "-c", std::string(kSwap), "davit", last_line, conninfo_of(maintenance),
                                     end_sessions_query(replacements, back), session_name(run)},
                                    in, to_the_end));
  if (answer.outcome.exit_code == 0) return {};
  answer.outcome.errors = without_statement(answer.outcome.errors);
  return std::unexpected(command_error(back ? "rename the databases back" : "put the restored databases in place",
                                       "psql", answer.outcome));
}

Result<> wait_for_swap(const Server& server, RunContext& run) {
  using namespace std::chrono_literals;
  // Between its tries it has no session for a moment.
  int absent = 0;
  for (int poll = 0; poll < 120 && absent < 3; ++poll) {
    TRY_ASSIGN(rows,
               server.query(server.database(), {"pid"},
                            "from pg_stat_activity where application_name = " + quote_literal(session_name(run)), run));
    absent = rows.empty() ? absent + 1 : 0;
    if (absent < 3) run.clock.sleep_for(500ms);
  }
  if (absent < 3) return fail(Errc::unavailable, "renaming the databases has not ended after a minute");
  return {};
}

}  // namespace davit::sources
