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

std::vector<std::string> arguments_for(const Server& server, const model::Artefact& artefact) {
  if (artefact.content == model::Content::sql) {
    std::vector<std::string> argv{"pg_dumpall", "--globals-only", "--no-password", "-l", server.database()};
    if (!server.superuser()) argv.emplace_back("--no-role-passwords");
    return argv;
  }
  // Compressed by us: faster, and smaller. A migration that holds a lock for ever must not hold the backup for ever.
  return {"pg_dump",
          "-Fc",
          "-Z0",
          "--no-password",
          "--lock-wait-timeout=1800s",
          "-d",
          conninfo_of(artefact.attributes.find("database")->second)};
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

Result<std::vector<Finding>> dump_postgres(const Server& server, const model::Item& item, model::Artefact& artefact,
                                           const stream::Encoding& encoding, stream::ByteSink& stored,
                                           RunContext& run) {
  const bool globals = artefact.content == model::Content::sql;
  if (!globals && !artefact.attributes.contains("database"))
    return fail(Errc::bug, "dump " + item.id.text() + ": " + artefact.path + " names no database");
  const std::string what =
      globals ? "dump roles and tablespaces" : "dump database " + escape_for_display(artefact.attributes["database"]);
  const auto argv = arguments_for(server, artefact);
  stream::Encoder encoder(encoding, stored);
  stream::ReportingSink plain(encoder, run);
  TRY_ASSIGN(outcome, in_context(server.programs().run(argv, plain, run), what));
  // Good bytes may come before the failure: nothing is finished, so nothing is stored.
  if (outcome.exit_code != 0) return std::unexpected(command_error(what, argv.front(), outcome));
  TRY(plain.finish());
  artefact.plain = encoder.plain();
  artefact.stored = encoder.stored();
  artefact.codec = encoding.codec;

  const std::string path = globals ? std::string() : escape_for_display(artefact.attributes["database"]);
  std::vector<Finding> findings;
  for (std::string& warning : warnings_of(outcome.errors)) findings.push_back({"", path, std::move(warning)});
  if (globals && !server.superuser())
    findings.push_back({"", path, "roles were dumped without passwords: " + server.user() + " is no superuser"});
  if (!outcome.errors.empty()) log_info(what + ": " + outcome.errors);
  return findings;
}

}  // namespace davit::sources
