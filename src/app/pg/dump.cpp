#include "app/pg/dump.hpp"

#include <algorithm>

#include "stream/memory_stream.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using sources::Database;
using sources::Server;

std::string names_of(const std::vector<Database>& databases) {
  std::string names;
  for (const Database& each : databases)
    if (!each.obstacle()) names += (names.empty() ? "" : ", ") + escape_for_display(each.name);
  return names;
}

// Roles and tablespaces: asked for before any dump, and stored right before the first that is whole. So no dump is
// without them, and where nothing could be dumped there is nothing of them.
class StoredGlobals {
 public:
  StoredGlobals(storage::Storage& storage, std::string key) : storage_(storage), key_(std::move(key)) {}

  Result<std::vector<std::string>> ask(const Server& server, RunContext& run) {
    return sources::dump_globals(server, script_, run);
  }
  Result<> store() {
    if (stored_) return {};
    TRY(store_dump(storage_, key_, std::nullopt,
                   [&](stream::ByteSink& out) { return out.write(std::as_bytes(std::span(script_.contents()))); }));
    stored_ = true;
    return {};
  }
  void remove(RunContext& run) {
    if (!stored_) return;
    for (const std::string& key : {key_, key_ + std::string(kDigestSuffix)})
      if (const auto removed = storage_.remove(key); !removed) run.reporter.note(removed.error().message());
  }

 private:
  storage::Storage& storage_;
  std::string key_;
  stream::MemorySink script_;
  bool stored_ = false;
};

Result<PgDumpReport::Dump> dump_one(const Server& server, storage::Storage& storage, const Database& database,
                                    const std::string& time, const sources::DumpForm& form, StoredGlobals& globals,
                                    std::vector<Finding>& findings, RunContext& run) {
  run.reporter.step("dump database " + escape_for_display(database.name));
  TRY_ASSIGN(extensions, sources::list_extensions(server, database.name, run));
  const DumpRecord record{database.name, server.version_text(), std::move(extensions)};
  const std::string key = render_dump_name({database.name, time, form.format == sources::DumpForm::Format::directory,
                                            form.format == sources::DumpForm::Format::tar});
  std::vector<std::string> warnings;
  TRY_ASSIGN(extent, store_dump(storage, key, record, [&](stream::ByteSink& out) -> Result<> {
               TRY_ASSIGN(said, sources::dump_database(server, database.name, form, out, run));
               warnings = std::move(said);
               return globals.store();
             }));
  for (std::string& warning : warnings) findings.push_back({"", escape_for_display(database.name), std::move(warning)});
  return PgDumpReport::Dump{database.name, key, extent.bytes};
}

}  // namespace

std::vector<std::string> PgDumpReport::keys() const {
  std::vector<std::string> keys{globals};
  for (const Dump& dump : dumps) keys.push_back(dump.key);
  return keys;
}

Result<std::vector<Database>> choose_databases(const Server& server, const std::vector<std::string>& patterns,
                                               RunContext& run) {
  TRY_ASSIGN(databases, sources::list_databases(server, run));
  for (const std::string& pattern : patterns)
    if (std::ranges::none_of(
            databases, [&](const Database& each) { return !each.obstacle() && matches_glob(pattern, each.name); }))
      return fail(Errc::not_found, "no database of " + server.address() + " matches " + escape_for_display(pattern) +
                                       ": it has " + names_of(databases));
  std::erase_if(databases, [&](const Database& each) {
    const auto matches = [&](const std::string& pattern) { return matches_glob(pattern, each.name); };
    if (!patterns.empty() && std::ranges::none_of(patterns, matches)) return true;
    const auto obstacle = each.obstacle();
    if (obstacle && !each.is_template)
      run.reporter.note("database " + escape_for_display(each.name) + " is left out: " + *obstacle);
    return obstacle.has_value();
  });
  return databases;
}

Result<PgDumpReport> dump_databases(const Server& server, storage::Storage& storage, const PgDumpOptions& options,
                                    RunContext& run) {
  // 1. Choose, read-only.
  TRY_ASSIGN(databases, choose_databases(server, options.databases, run));
  TRY_ASSIGN(time, choose_time(storage, globals_name, run));

  // 2. What all dumps need is had first.
  PgDumpReport report;
  report.globals = globals_name(time);
  StoredGlobals globals(storage, report.globals);
  run.reporter.step("dump roles and tablespaces");
  TRY_ASSIGN(warnings, globals.ask(server, run));
  for (std::string& warning : warnings) report.findings.push_back({"", "", std::move(warning)});

  // 3. Each database by itself: one that is broken is no reason to have none of the others.
  if (databases.empty()) TRY(globals.store());
  std::optional<Error> first;
  std::size_t failed = 0;
  for (const Database& database : databases) {
    auto dumped = dump_one(server, storage, database, time, options.form, globals, report.findings, run);
    if (dumped) {
      report.dumps.push_back(*std::move(dumped));
      continue;
    }
    const bool hopeless = dumped.error().code() == Errc::cancelled || !server.answers(run);
    ++failed;
    if (!first)
      first = std::move(dumped).error();
    else
      run.reporter.note(dumped.error().message());
    if (hopeless) break;
  }
  if (!first) return report;
  if (report.dumps.empty()) {
    globals.remove(run);
    if (failed == 1) return std::unexpected(*std::move(first));
  }
  const std::string what =
      std::to_string(failed) + " of " + std::to_string(databases.size()) + " databases were not dumped";
  if (report.dumps.empty()) return std::unexpected(std::move(*first).context(what));
  const bool over = first->code() == Errc::cancelled || first->code() == Errc::unavailable;
  report.failure = Error(over ? first->code() : Errc::failed, what + ": " + first->message(),
                         "the dumps of the others are stored; --db chooses databases");
  return report;
}

}  // namespace davit::app
