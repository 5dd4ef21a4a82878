#include <nlohmann/json.hpp>

#include "app/backup.hpp"
#include "app/sweep.hpp"
#include "cli/commands.hpp"
#include "cli/render.hpp"

namespace davit::cli {
namespace {

struct BackupFlags {
  std::vector<std::string> only;
  std::vector<std::string> exclude;
  std::string lock_wait;
  std::vector<std::string> files;
  std::string compress;
  std::string pgbackrest_type;
  bool consistent = false;
  bool allow_hooks = false;
  bool dry_run = false;
};

Result<int> backup(const Globals& globals, const BackupFlags& flags) {
  Workbench bench(globals);
  const std::string compress = globals.value(flags.compress, "DAVIT_COMPRESS");
  app::BackupOptions options;
  TRY_ASSIGN(encoding, stream::parse_encoding(compress.empty() ? "zstd" : compress));
  options.encoding = encoding;
  options.selection = {split_list(flags.only), split_list(flags.exclude)};
  options.davit_version = DAVIT_VERSION;
  options.consistent = flags.consistent;
  TRY_ASSIGN(allow_hooks, globals.enabled(flags.allow_hooks, "DAVIT_ALLOW_HOOKS"));
  options.allow_hooks = allow_hooks;

  TRY_ASSIGN(engine, bench.engine());
  TRY_ASSIGN(stack, bench.stack());
  options.stack = stack;
  std::vector<std::string> files = flags.files;
  if (files.empty()) files = {globals.environment.get("DAVIT_FILES").value_or("")};
  // The repository is known, and is there, before anything asks where it is.
  TRY(bench.find_repository());
  if (!flags.dry_run) {
    TRY(bench.storage(Workbench::Use::write));
    TRY(bench.check_repository_outlives());
  }
  TRY_ASSIGN(sources, bench.sources(files, allow_hooks, flags.pgbackrest_type));

  if (flags.dry_run) {
    TRY(app::sweep_dead_runs(*engine, nullptr, bench.run()));
    bench.sweep_repository();
    TRY_ASSIGN(plan, app::plan_backup(*engine, *sources, options, bench.run()));
    bench.progress().close();
    TRY(print(globals.json ? backup_plan_to_json(plan).dump(2) + "\n" : render_backup_plan(plan)));
    return kExitDone;
  }
  TRY_ASSIGN(storage, bench.storage(Workbench::Use::write));
  TRY_ASSIGN(guards, bench.guards("backup", flags.lock_wait));
  options.guard = std::move(guards);
  TRY_ASSIGN(report, app::run_backup(*engine, *storage, *sources, options, bench.run()));
  bench.progress().close();
  std::string text = globals.quiet ? report.entry.id + "\n" : render_backup_report(report, storage->describe());
  if (globals.json) {
    TRY_ASSIGN(manifest, catalog::render_manifest(report.manifest));
    text = std::move(manifest);
  }
  TRY(print_outcome(text, "backup " + report.entry.id + " was made"));
  return report.manifest.findings.empty() ? kExitDone : kExitFindings;
}

}  // namespace

void add_backup(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("backup", "Back up a stack as one restore point");
  auto flags = std::make_shared<BackupFlags>();
  command->add_option("--only", flags->only, "Only these items: KIND:NAME, * and ? stand for anything")
      ->type_name("ITEM")
      ->allow_extra_args(false);
  command->add_option("--exclude", flags->exclude, "Not these items")->type_name("ITEM")->allow_extra_args(false);
  command
      ->add_option("--files", flags->files,
                   "More files, separated by commas: absolute, or below the project's directory")
      ->type_name("PATH")
      ->allow_extra_args(false);
  command->add_option("--compress", flags->compress, "zstd, zstd:LEVEL (1 to 19) or none; zstd:3 by default")
      ->type_name("CODEC");
  command
      ->add_option(
          "--pgbackrest-type", flags->pgbackrest_type,
          "full, diff or incr: the backup of services with davit.postgres=pgbackrest; else as their labels say, "
          "or incr")
      ->type_name("TYPE");
  command->add_flag(
      "--consistent", flags->consistent,
      "Hold all services that run at once, so that everything is of one moment; databases are dumped meanwhile");
  command->add_flag("--allow-hooks", flags->allow_hooks,
                    "Run the commands of the stack's labels, such as davit.before");
  command->add_flag("--dry-run", flags->dry_run, "Only show what would be backed up, and what is not covered");
  command->add_option("--lock-wait", flags->lock_wait, "Wait that long for another run on the stack: 30s, 10m, 1h")
      ->type_name("DURATION");
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return backup(globals, *flags); }; });
}

}  // namespace davit::cli
