#include "app/pg/restore.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "app/guarded.hpp"
#include "app/pg/base.hpp"
#include "app/pg/content.hpp"
#include "app/pg/script.hpp"
#include "app/pg/transfer.hpp"
#include "app/pgbackrest/control.hpp"
#include "cli/pg/commands.hpp"
#include "cli/pg/dump_flags.hpp"
#include "cli/pg/render.hpp"
#include "cli/pg/server_flags.hpp"
#include "cli/pg/store_flags.hpp"
#include "cli/pgbackrest/place.hpp"
#include "storage/local/local_storage.hpp"
#include "util/text.hpp"

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
  bool replace = false;
  std::vector<std::string> locations;
  std::string lock_wait;
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
    std::error_code none;
    const bool a_path = flags.dump.contains('/') || (!flags.dump.empty() && std::filesystem::exists(flags.dump, none));
    if (!bench.repository().empty() && !a_path)
      return open_store(bench, globals, {}, {}, name_of_server(globals, flags.server));
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

// "fast=/srv/fast"
Result<app::Locations> locations_of(const std::vector<std::string>& values) {
  app::Locations locations;
  for (const std::string& value : values) {
    const auto mark = value.find('=');
    if (mark == std::string::npos || mark == 0)
      return fail(Errc::usage, "--tablespace \"" + escape_for_display(value) + "\" is not of the form NAME=DIRECTORY");
    locations[value.substr(0, mark)] = value.substr(mark + 1);
  }
  return locations;
}

// Options that say how databases are restored mean nothing for a whole server.
Result<> check_whole(const Flags& flags, const std::string& what) {
  if (!flags.as.empty() || flags.create || flags.into_existing || flags.clean || flags.no_owner || flags.no_acl ||
      flags.no_roles || flags.jobs > 1)
    return fail(Errc::usage, escape_for_display(flags.dump) + " is " + what +
                                 ": it takes no --as, --create, --into-existing, --clean, --no-… and --jobs");
  return {};
}

// And those for files mean nothing for anything else.
Result<> check_no_files(const Flags& flags) {
  if (!flags.replace && flags.locations.empty() && flags.lock_wait.empty()) return {};
  return fail(Errc::usage,
              (flags.dump.empty() ? "dumps of databases are" : escape_for_display(flags.dump) + " is") +
                  " no base backup: --replace, --tablespace and --lock-wait are for these",
              "see --into-existing, --clean and --as");
}

// A cluster as files, into its container.
Result<int> restore_base(Workbench& bench, const Globals& globals, const Flags& flags,
                         const storage::StorageReader& storage, const std::string& key) {
  TRY(check_whole(flags, "a base backup"));
  TRY_ASSIGN(locations, locations_of(flags.locations));
  const PlaceFlags place{flags.server.container, flags.server.service, {}};
  if (place.container.empty() && place.service.empty() && globals.stack.empty())
    return fail(Errc::usage, escape_for_display(flags.dump) + " is a base backup, which becomes the files of a server",
                "name the server's container with --container, or --stack and --service");
  TRY(check_in_container(flags.server));
  TRY_ASSIGN(engine, bench.engine());
  TRY_ASSIGN(found, find_database(bench, place));
  TRY_ASSIGN(base, app::check_base_set(storage, key, locations, bench.run()));
  TRY_ASSIGN(guards, bench.guards("pg restore", flags.lock_wait));
  const auto work = [&](helper::Guard& guard, RunContext& run) -> Result<app::PgBaseRestoreReport> {
    // It may have been started or made anew while the lock was waited for.
    TRY_ASSIGN(container, find_database(bench, place));
    return app::restore_base_set(*engine, container, app::control_of, storage, base, flags.replace, guard, run);
  };
  const auto project = found.labels.find("com.docker.compose.project");
  TRY_ASSIGN(report,
             app::guarded(guards, project == found.labels.end() ? found.name : project->second, bench.run(), work));
  bench.progress().close();
  const nlohmann::json object{{"dump", escape_for_display(report.key)},
                              {"service", escape_for_display(report.service)}};
  TRY(print_outcome(globals.json    ? object.dump(2) + "\n"
                    : globals.quiet ? std::string()
                                    : "restored " + escape_for_display(report.key) + " as the cluster of " +
                                          escape_for_display(report.service) + ", whose server runs\n",
                    "the cluster was restored"));
  return kExitDone;
}

Result<int> restore_all(Workbench& bench, const Globals& globals, const Flags& flags,
                        const storage::StorageReader& storage, const std::string& key) {
  TRY(check_whole(flags, "a script of pg_dumpall"));
  TRY_ASSIGN(opened, open_server(bench, globals, flags.server, Equipment::tools));
  TRY_ASSIGN(report, app::restore_script(opened.server, storage, key, bench.run()));
  bench.progress().close();
  std::string names;
  nlohmann::json object{{"dump", escape_for_display(report.key)}, {"databases", nlohmann::json::array()}};
  for (const std::string& name : report.databases) {
    names += (names.empty() ? "" : ", ") + escape_for_display(name);
    object["databases"].push_back(escape_for_display(name));
  }
  TRY(print_outcome(globals.json    ? object.dump(2) + "\n"
                    : globals.quiet ? std::string()
                                    : "restored " + escape_for_display(report.key) +
                                          "; databases that were made: " + (names.empty() ? "none" : names) + "\n",
                    "all databases were restored"));
  return kExitDone;
}

Result<int> restore(const Globals& globals, const Flags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(options, options_of(flags));
  TRY_ASSIGN(storage, open_dumps(bench, globals, flags, options));
  if (!options.dump.empty()) {
    using app::DumpContent;
    const auto look = app::look_into(*storage, options.dump);
    // Whatever is wrong with it is said where it is restored.
    const DumpContent content = look ? look->content : DumpContent::unknown;
    if (content == DumpContent::base_plain || content == DumpContent::base_directory)
      return restore_base(bench, globals, flags, *storage, options.dump);
    if (content == DumpContent::cluster_script) {
      TRY(check_no_files(flags));
      return restore_all(bench, globals, flags, *storage, options.dump);
    }
  }
  TRY(check_no_files(flags));
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
  CLI::App* command =
      app.add_subcommand("restore", "S3 ➜ Postgres: restore dumps and base backups, also from a directory or a file");
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
  command->add_flag("--replace", flags->replace, "Of a base backup: put it in place of a cluster that holds data");
  command
      ->add_option("--tablespace", flags->locations,
                   "Of a base backup: NAME=DIRECTORY, where a tablespace is to lie in the container; may be repeated")
      ->type_name("MAP")
      ->allow_extra_args(false);
  command->add_option("--lock-wait", flags->lock_wait, "Of a base backup: how long to wait for another run: 30s, 10m")
      ->type_name("TIME");
  add_jobs_flag(*command, flags->jobs, "Tables restored at once; the dump is put aside first, where pg_restore runs");
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return restore(globals, *flags); }; });
}

}  // namespace davit::cli
