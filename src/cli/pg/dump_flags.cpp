#include "cli/pg/dump_flags.hpp"

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/pg/render.hpp"
#include "cli/render.hpp"

namespace davit::cli {

void add_database_flag(CLI::App& command, std::vector<std::string>& databases) {
  command
      .add_option("--db", databases, "Only databases of this name; * and ? stand for anything; may be given repeatedly")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
}

void add_jobs_flag(CLI::App& command, int& jobs, const std::string& meaning) {
  command.add_option("--jobs", jobs, meaning)->type_name("N")->check(CLI::Range(1, 256));
}

void add_dump_flags(CLI::App& command, DumpFlags& flags) {
  add_database_flag(command, flags.databases);
  add_jobs_flag(command, flags.jobs, "Tables dumped at once; more than 1 makes a tar of the directory format");
  command
      .add_option("--compress", flags.compress,
                  "As pg_dump's -Z takes it: 0 to 9, since PostgreSQL 16 also METHOD:LEVEL; gzip by default")
      ->type_name("HOW");
}

app::PgDumpOptions dump_options(const DumpFlags& flags) {
  return {.databases = flags.databases, .form = {.compress = flags.compress, .jobs = flags.jobs}};
}

Result<int> report_dumps(Workbench& bench, const Globals& globals, app::PgDumpReport report, const std::string& where) {
  bench.progress().close();
  // An error is JSON itself.
  const std::string json = report.failure ? std::string() : pg_dump_to_json(report, where).dump(2) + "\n";
  TRY(print_outcome(globals.json    ? json
                    : globals.quiet ? render_findings(report.findings)
                                    : render_pg_dump(report, where),
                    "the databases were dumped into " + where));
  if (report.failure) return std::unexpected(*std::move(report.failure));
  return report.findings.empty() ? kExitDone : kExitFindings;
}

}  // namespace davit::cli
