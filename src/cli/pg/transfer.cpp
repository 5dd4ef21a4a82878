// upload, download, and backup, which is a dump and an upload.

#include "app/pg/transfer.hpp"

#include <nlohmann/json.hpp>

#include "cli/pg/commands.hpp"
#include "cli/pg/dump_flags.hpp"
#include "cli/pg/render.hpp"
#include "cli/pg/server_flags.hpp"
#include "cli/pg/store_flags.hpp"
#include "storage/local/local_storage.hpp"

namespace davit::cli {
namespace {

using Access = storage::LocalStorage::Access;
using Near = app::TransferOptions::Near;

struct TransferFlags {
  BucketFlags bucket;
  std::string directory;
  std::vector<std::string> databases;
};

Result<> report_transfer(Workbench& bench, const Globals& globals, const app::TransferReport& report,
                         const std::string& where) {
  bench.progress().close();
  return print_outcome(globals.json    ? transfer_to_json(report, where).dump(2) + "\n"
                       : globals.quiet ? std::string()
                                       : render_transfer(report, where),
                       "everything was copied");
}

Result<int> upload(const Globals& globals, const TransferFlags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(local, open_directory(flags.directory, Access::read));
  TRY_ASSIGN(bucket, open_bucket(bench, globals, flags.bucket));
  sweep_store(*bucket, bench.run());
  TRY_ASSIGN(report, app::transfer_dumps(*local, *bucket, {.databases = flags.databases}, bench.run()));
  TRY(report_transfer(bench, globals, report, bucket->describe()));
  return kExitDone;
}

Result<int> download(const Globals& globals, const TransferFlags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(bucket, open_bucket(bench, globals, flags.bucket));
  TRY_ASSIGN(local, open_directory(flags.directory, Access::write));
  sweep_store(*local, bench.run());
  TRY_ASSIGN(report,
             app::transfer_dumps(*bucket, *local, {.databases = flags.databases, .near = Near::to}, bench.run()));
  TRY(report_transfer(bench, globals, report, local->describe()));
  return kExitDone;
}

struct BackupFlags {
  ServerFlags server;
  DumpFlags dump;
  BucketFlags bucket;
  std::string directory;
};

// With a directory, the dumps stay there, too; without one, they stream into the bucket.
Result<int> backup(const Globals& globals, const BackupFlags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(options, dump_options(flags.dump));
  TRY_ASSIGN(bucket, open_bucket(bench, globals, flags.bucket));
  std::unique_ptr<storage::Storage> local;
  if (!flags.directory.empty()) {
    TRY_ASSIGN(opened, open_directory(flags.directory, Access::write));
    local = std::move(opened);
    sweep_store(*local, bench.run());
  }
  sweep_store(*bucket, bench.run());
  TRY_ASSIGN(opened, open_server(bench, globals, flags.server, Equipment::tools));
  TRY_ASSIGN(report, app::dump_databases(opened.server, local ? *local : *bucket, options, bench.run()));
  // Also where databases failed: the others are no less worth keeping.
  if (local) TRY(app::transfer_dumps(*local, *bucket, {.keys = report.keys()}, bench.run()));
  const std::string where = bucket->describe() + (local ? " and in " + local->describe() : "");
  return report_dumps(bench, globals, std::move(report), where);
}

void add_transfer(CLI::App& app, const char* name, const char* what, const char* directory, const Globals& globals,
                  Action& chosen, Result<int> (*run)(const Globals&, const TransferFlags&)) {
  CLI::App* command = app.add_subcommand(name, what);
  auto flags = std::make_shared<TransferFlags>();
  command->add_option("--dir", flags->directory, directory)->type_name("DIR")->required();
  add_bucket_flags(*command, flags->bucket);
  add_database_flag(*command, flags->databases);
  command->callback(
      [&globals, &chosen, flags, run] { chosen = [&globals, flags, run] { return run(globals, *flags); }; });
}

}  // namespace

void add_pg_upload(CLI::App& app, const Globals& globals, Action& chosen) {
  add_transfer(app, "upload", "local ➜ S3: copy dumps from a directory into a bucket", "The directory of the dumps",
               globals, chosen, upload);
}

void add_pg_download(CLI::App& app, const Globals& globals, Action& chosen) {
  add_transfer(app, "download", "S3 ➜ local: copy dumps from a bucket into a directory",
               "The directory; made if only its last part is missing", globals, chosen, download);
}

void add_pg_backup(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("backup", "Postgres ➜ S3: dump databases into a bucket");
  auto flags = std::make_shared<BackupFlags>();
  add_server_flags(*command, flags->server);
  add_dump_flags(*command, flags->dump);
  command
      ->add_option("--dir", flags->directory,
                   "Keep the dumps in this directory, too; without it nothing is written to a disk here")
      ->type_name("DIR");
  add_bucket_flags(*command, flags->bucket);
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return backup(globals, *flags); }; });
}

}  // namespace davit::cli
