#include "sources/postgres/dump.hpp"

#include <algorithm>
#include <array>

#include "sources/postgres/sql_text.hpp"
#include "stream/reporting_stream.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// Notices on how to restore data alone, or on the server's collations: the dump is as good as without them.
constexpr std::array<std::string_view, 2> kHarmless{"circular foreign-key constraints", "collation version"};

// What a client says of a server that is gone. The tools run with LC_ALL=C; the server's own words may be translated.
constexpr std::array<std::string_view, 4> kGone{"server closed the connection", "could not connect to server",
                                                "connection to server", "terminating connection"};

// The arguments are pg_dump's. Its workers write files, so the dump lies in a directory until it is whole; the table of
// contents comes first in the tar, so that a reader has it at once.
constexpr std::string_view kDumpDirectory = R"sh(
umask 077
dir=$(mktemp -d) || exit 81
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' HUP INT TERM
"$@" -f "$dir/dump" >&2 || exit
cd "$dir/dump" || exit 81
set --
for file in *; do [ "$file" = toc.dat ] || set -- "$@" "$file"; done
tar -cf - toc.dat "$@"
)sh";

// Runs a program that dumps. What came before a failure is worth nothing: the caller drops it.
Result<std::vector<std::string>> run_dump(const Server& server, std::string_view what, std::string_view program,
                                          std::vector<std::string> argv, stream::ByteSink& out, RunContext& run) {
  stream::ReportingSink reporting(out, run);
  TRY_ASSIGN(outcome, in_context(server.programs().run(std::move(argv), reporting, run), what));
  if (outcome.exit_code != 0) {
    Error error = command_error(what, program, outcome);
    const bool gone = std::ranges::any_of(kGone, [&](auto words) { return outcome.errors.contains(words); });
    if (error.code() == Errc::failed && (gone || !server.answers(run)))
      return std::unexpected(std::move(error).as(Errc::unavailable));
    return std::unexpected(std::move(error));
  }
  if (!outcome.errors.empty()) log_info(std::string(what) + ": " + outcome.errors);
  return warnings_of(outcome.errors);
}

}  // namespace

std::vector<std::string> warnings_of(std::string_view errors) {
  std::vector<std::string> warnings;
  for (const std::string& line : split(errors, '\n')) {
    const std::string_view text = trim(line);
    const auto mark = text.find("warning: ");
    if (mark == std::string_view::npos || !text.starts_with("pg_dump")) continue;
    if (std::ranges::any_of(kHarmless, [&](std::string_view each) { return text.contains(each); })) continue;
    warnings.emplace_back(text.substr(mark + 9));
  }
  return warnings;
}

Result<std::vector<std::string>> dump_database(const Server& server, const std::string& database, const DumpForm& form,
                                               stream::ByteSink& out, RunContext& run) {
  // A migration that holds a lock for ever must not hold the backup for ever.
  const bool directory = form.format == DumpForm::Format::directory;
  std::vector<std::string> argv{"pg_dump",
                                directory                              ? "-Fd"
                                : form.format == DumpForm::Format::tar ? "-Ft"
                                                                       : "-Fc",
                                "--no-password", "--lock-wait-timeout=1800s"};
  if (!form.compress.empty()) argv.push_back("-Z" + form.compress);
  if (form.jobs > 1) argv.insert(argv.end(), {"-j", std::to_string(form.jobs)});
  argv.insert(argv.end(), {"-d", conninfo_of(database)});
  if (directory) argv.insert(argv.begin(), {"sh", "-c", std::string(kDumpDirectory), "davit"});
  return run_dump(server, "dump database " + escape_for_display(database), "pg_dump", std::move(argv), out, run);
}

Result<std::vector<std::string>> dump_everything(const Server& server, stream::ByteSink& out, RunContext& run) {
  std::vector<std::string> argv{"pg_dumpall", "--no-password", "--lock-wait-timeout=1800s", "-l", server.database()};
  if (!server.superuser()) argv.emplace_back("--no-role-passwords");
  return run_dump(server, "dump all databases", "pg_dumpall", std::move(argv), out, run);
}

Result<std::vector<std::string>> dump_globals(const Server& server, stream::ByteSink& out, RunContext& run) {
  std::vector<std::string> argv{"pg_dumpall", "--globals-only", "--no-password", "-l", server.database()};
  if (!server.superuser()) argv.emplace_back("--no-role-passwords");
  TRY_ASSIGN(warnings, run_dump(server, "dump roles and tablespaces", "pg_dumpall", std::move(argv), out, run));
  if (!server.superuser())
    warnings.push_back("roles were dumped without passwords: " + server.user() + " is no superuser");
  return warnings;
}

Result<std::vector<Finding>> dump_postgres(const Server& server, const model::Item& item, model::Artefact& artefact,
                                           const stream::Encoding& encoding, stream::ByteSink& stored,
                                           RunContext& run) {
  const bool globals = artefact.content == model::Content::sql;
  const std::string database = model::attribute(artefact.attributes, "database");
  if (!globals && database.empty())
    return fail(Errc::bug, "dump " + item.id.text() + ": " + artefact.path + " names no database");
  stream::Encoder encoder(encoding, stored);
  // Compressed by us: faster, and smaller.
  TRY_ASSIGN(warnings, globals ? dump_globals(server, encoder, run)
                               : dump_database(server, database, {.compress = "0"}, encoder, run));
  TRY(encoder.finish());
  artefact.plain = encoder.plain();
  artefact.stored = encoder.stored();
  artefact.codec = encoding.codec;

  std::vector<Finding> findings;
  for (std::string& warning : warnings)
    findings.push_back({"", globals ? std::string() : escape_for_display(database), std::move(warning)});
  return findings;
}

}  // namespace davit::sources
