#include "cli/pg/dump_flags.hpp"

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/pg/render.hpp"
#include "cli/render.hpp"
#include "util/text.hpp"

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
  command
      .add_option("--format", flags.format,
                  "custom, tar (pg_dump's own), or directory (stored as one tar); custom, or directory with --jobs")
      ->type_name("FORMAT");
  add_jobs_flag(command, flags.jobs, "Tables dumped at once; more than 1 makes a tar of the directory format");
  command
      .add_option("--compress", flags.compress,
                  "As pg_dump's -Z takes it: 0 to 9, since PostgreSQL 16 also METHOD:LEVEL; gzip by default")
      ->type_name("HOW");
}

Result<app::PgDumpOptions> dump_options(const DumpFlags& flags) {
  using Format = sources::DumpForm::Format;
  app::PgDumpOptions options{.databases = flags.databases, .form = {.compress = flags.compress, .jobs = flags.jobs}};
  options.form.format = flags.jobs > 1 ? Format::directory : Format::custom;
  if (flags.format.empty()) return options;
  if (flags.format != "custom" && flags.format != "tar" && flags.format != "directory")
    return fail(Errc::usage, "format \"" + escape_for_display(flags.format) + "\" is unknown",
                "write custom, tar or directory; `davit pg dumpall` writes SQL of all databases");
  options.form.format = flags.format == "tar"         ? Format::tar
                        : flags.format == "directory" ? Format::directory
                                                      : Format::custom;
  if (flags.jobs > 1 && options.form.format != Format::directory)
    return fail(Errc::usage, "--jobs wants the directory format", "leave out --format, or write --format directory");
  if (!flags.compress.empty() && options.form.format == Format::tar)
    return fail(Errc::usage, "the tar format can't be compressed by pg_dump", "leave out --compress");
  return options;
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
