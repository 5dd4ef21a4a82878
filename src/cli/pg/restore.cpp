#include "app/pg/restore.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/pg/transfer.hpp"
#include "cli/pg/commands.hpp"
#include "cli/pg/dump_flags.hpp"
#include "cli/pg/render.hpp"
#include "cli/pg/server_flags.hpp"
#include "cli/pg/store_flags.hpp"
#include "storage/local/local_storage.hpp"

namespace davit::cli {
namespace {

using Access = storage::LocalStorage::Access;

struct Flags {
  ServerFlags server;
  BucketFlags bucket;
  std::string directory;
  std::string dump;
  std::vector<std::string> databases;
  std::string as;
  int jobs = 1;
  bool create = false;
  bool into_existing = false;
  bool clean = false;
  bool no_owner = false;
  bool no_acl = false;
  bool no_roles = false;
};

Result<app::PgRestoreOptions> options_of(const Flags& flags) {
  if (flags.create && flags.into_existing) return fail(Errc::usage, "--create and --into-existing exclude each other");
  if (flags.clean && !flags.into_existing)
    return fail(Errc::usage, "--clean drops objects of a database that is there", "say so with --into-existing");
  if (flags.clean && flags.jobs > 1)
    return fail(Errc::usage, "--clean and several jobs exclude each other: they could not be taken back as one");
  if (!flags.dump.empty() && !flags.databases.empty())
    return fail(Errc::usage, "a dump and --db were named: the dump is of one database");
  app::PgRestoreOptions options;
  options.databases = flags.databases;
  using Into = app::PgRestoreOptions::Into;
  options.into = flags.create ? Into::create : flags.into_existing ? Into::existing : Into::automatic;
  options.as = flags.as;
  options.dump = flags.dump;
  options.roles = !flags.no_roles && !flags.no_owner;
  options.filling.jobs = flags.jobs;
  options.filling.owners = !flags.no_owner;
  options.filling.acls = !flags.no_acl;
  options.filling.clean = flags.clean;
  return options;
}

// Where the dumps are: a bucket, a directory (which a bucket is copied into first, if both are named), or beside the
// dump that is named by its path.
Result<std::unique_ptr<storage::Storage>> open_dumps(Workbench& bench, const Globals& globals, const Flags& flags,
                                                     app::PgRestoreOptions& options) {
  std::string directory = flags.directory;
  if (directory.empty() && flags.bucket.bucket.empty()) {
    if (flags.dump.empty())
      return fail(Errc::usage, "nothing to restore was named", "name --dir, --bucket or the file of a dump");
    const std::filesystem::path path = flags.dump;
    directory = path.has_parent_path() ? path.parent_path().string() : ".";
    options.dump = path.filename().string();
  }
  if (directory.empty()) return open_bucket(bench, globals, flags.bucket);
  if (flags.bucket.bucket.empty()) {
    TRY_ASSIGN(local, open_directory(directory, Access::read));
    return local;
  }
  TRY_ASSIGN(bucket, open_bucket(bench, globals, flags.bucket));
  TRY_ASSIGN(local, open_directory(directory, Access::write));
  sweep_store(*local, bench.run());
  app::TransferOptions wanted{.databases = flags.databases, .near = app::TransferOptions::Near::to};
  if (!flags.dump.empty()) wanted.keys.push_back(flags.dump);
  TRY(app::transfer_dumps(*bucket, *local, wanted, bench.run()));
  return local;
}

Result<int> restore(const Globals& globals, const Flags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(options, options_of(flags));
  TRY_ASSIGN(storage, open_dumps(bench, globals, flags, options));
  TRY_ASSIGN(opened, open_server(bench, globals, flags.server, Equipment::tools));
  TRY_ASSIGN(report, app::restore_dumps(opened.server, *storage, options, bench.run()));
  bench.progress().close();
  TRY(print_outcome(globals.json    ? pg_restore_to_json(report).dump(2) + "\n"
                    : globals.quiet ? std::string()
                                    : render_pg_restore(report),
                    "the databases were restored"));
  return kExitDone;
}

}  // namespace

void add_pg_restore(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("restore", "S3 ➜ Postgres: restore dumps, also from a directory or a file");
  auto flags = std::make_shared<Flags>();
  command->add_option("dump", flags->dump, "One dump: its name in the directory or bucket, or else its path");
  add_server_flags(*command, flags->server);
  command->add_option("--dir", flags->directory, "The directory of the dumps; with a bucket: they are kept there, too")
      ->type_name("DIR");
  add_bucket_flags(*command, flags->bucket);
  add_database_flag(*command, flags->databases);
  command->add_flag("--create", flags->create, "Make databases; one that is there already is an error");
  command->add_flag("--into-existing", flags->into_existing,
                    "Restore into databases that are there, whatever they hold, wholly or not at all");
  command->add_option("--as", flags->as, "The database gets this name")->type_name("NAME");
  command->add_flag("--clean", flags->clean, "With --into-existing: drop first what the dump holds");
  command->add_flag("--no-owner", flags->no_owner, "Everything belongs to the user who connects; no roles are made");
  command->add_flag("--no-acl", flags->no_acl, "Leave out privileges (GRANT, REVOKE)");
  command->add_flag("--no-roles", flags->no_roles, "Make no roles that are missing");
  add_jobs_flag(*command, flags->jobs, "Tables restored at once; the dump is put aside first, where pg_restore runs");
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return restore(globals, *flags); }; });
}

}  // namespace davit::cli
