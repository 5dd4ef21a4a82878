// dumpall and basebackup: what holds a whole server.

#include <nlohmann/json.hpp>

#include "app/pg/base.hpp"
#include "app/pg/script.hpp"
#include "cli/commands.hpp"
#include "cli/pg/commands.hpp"
#include "cli/pg/server_flags.hpp"
#include "cli/pg/store_flags.hpp"
#include "cli/render.hpp"
#include "sources/basebackup/db_directory.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

struct Flags {
  ServerFlags server;
  BucketFlags bucket;
  std::string directory;
  std::string compress = "zstd";
};

struct Opened {
  std::unique_ptr<storage::Storage> storage;
  OpenServer server;
  stream::Encoding encoding;
};

Result<Opened> open(Workbench& bench, const Globals& globals, const Flags& flags) {
  TRY_ASSIGN(encoding, in_context(stream::parse_encoding(flags.compress), "--compress"));
  TRY_ASSIGN(storage, open_store(bench, globals, flags.directory, flags.bucket, name_of_server(globals, flags.server)));
  sweep_store(*storage, bench.run());
  TRY_ASSIGN(server, open_server(bench, globals, flags.server, Equipment::tools));
  return Opened{std::move(storage), std::move(server), encoding};
}

Result<int> report(Workbench& bench, const Globals& globals, const std::string& what, const std::string& key,
                   std::uint64_t bytes, std::uint64_t plain_bytes, const std::vector<Finding>& findings,
                   const std::string& where) {
  bench.progress().close();
  nlohmann::json object{{"dump", key}, {"bytes", bytes}, {"plain_bytes", plain_bytes}, {"where", where}};
  object["findings"] = nlohmann::json::array();
  for (const Finding& finding : findings) object["findings"].push_back(escape_for_display(finding.what));
  const std::string text =
      what + " " + key + " in " + where + ": " + render_bytes(bytes) + ", " + render_bytes(plain_bytes) + " unpacked\n";
  TRY(print_outcome(globals.json    ? object.dump(2) + "\n"
                    : globals.quiet ? render_findings(findings)
                                    : text + render_findings(findings),
                    what + " " + key + " was stored in " + where));
  return findings.empty() ? kExitDone : kExitFindings;
}

Result<int> dumpall(const Globals& globals, const Flags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(opened, open(bench, globals, flags));
  TRY_ASSIGN(made, app::dump_script(opened.server.server, *opened.storage, opened.encoding, bench.run()));
  return report(bench, globals, "dump of all databases", made.key, made.bytes, made.plain_bytes, made.findings,
                opened.storage->describe());
}

// `.db` of the repository, where the server's container has it.
Result<std::string> find_staging(Workbench& bench, const Globals& globals, const ServerFlags& flags) {
  if (flags.container.empty() && flags.service.empty() && globals.stack.empty()) return std::string();
  TRY_ASSIGN(engine, bench.engine());
  engine::ContainerId id{flags.container};
  if (id.value.empty()) {
    TRY_ASSIGN(found, find_server_container(bench, *engine, flags.service));
    id = std::move(found);
  }
  TRY_ASSIGN(container, engine->inspect_container(id));
  sources::tend_db_directory(*engine, container, bench.run());
  return sources::db_directory_of(container);
}

Result<int> basebackup(const Globals& globals, const Flags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(opened, open(bench, globals, flags));
  TRY_ASSIGN(staging, find_staging(bench, globals, flags.server));
  TRY_ASSIGN(made, app::take_base_set(opened.server.server, *opened.storage, {opened.encoding, staging}, bench.run()));
  return report(bench, globals, "base backup", made.key, made.bytes, made.plain_bytes, made.findings,
                opened.storage->describe());
}

void add(CLI::App& app, const char* name, const char* what, const Globals& globals, Action& chosen,
         Result<int> (*run)(const Globals&, const Flags&)) {
  CLI::App* command = app.add_subcommand(name, what);
  auto flags = std::make_shared<Flags>();
  add_server_flags(*command, flags->server);
  command
      ->add_option("--dir", flags->directory,
                   "The directory; without it and --bucket: dumps/ in the repository (--repository)")
      ->type_name("DIR");
  add_bucket_flags(*command, flags->bucket);
  command->add_option("--compress", flags->compress, "none, zstd, or zstd:LEVEL")
      ->type_name("HOW")
      ->capture_default_str();
  command->callback(
      [&globals, &chosen, flags, run] { chosen = [&globals, flags, run] { return run(globals, *flags); }; });
}

}  // namespace

void add_pg_dumpall(CLI::App& app, const Globals& globals, Action& chosen) {
  add(app, "dumpall", "Postgres ➜ local or S3: all databases and roles as one script of SQL (pg_dumpall)", globals,
      chosen, dumpall);
}

void add_pg_basebackup(CLI::App& app, const Globals& globals, Action& chosen) {
  add(app, "basebackup", "Postgres ➜ local or S3: the whole cluster as files (pg_basebackup)", globals, chosen,
      basebackup);
}

}  // namespace davit::cli
