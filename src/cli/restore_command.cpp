#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/restore.hpp"
#include "app/sweep.hpp"
#include "cli/backup_file.hpp"
#include "cli/commands.hpp"
#include "cli/render.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

struct RestoreFlags {
  std::string backup = "latest";
  std::vector<std::string> only;
  std::vector<std::string> exclude;
  std::string lock_wait;
  std::string root;
  std::vector<std::string> indices;
  std::string indices_prefix;
  bool plan = false;
  bool no_start = false;
  bool data_only = false;
  bool replace = false;
  bool allow_version_change = false;
  bool allow_hooks = false;
};

// Of what a name of an index may begin with and hold.
Result<> check_prefix(const std::string& prefix) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  const bool begins = prefix.empty() || (prefix.front() != '-' && prefix.front() != '_' && prefix.front() != '.');
  if (begins && std::ranges::all_of(prefix, allowed) && prefix.size() <= 100) return {};
  return fail(Errc::usage, "--indices-prefix \"" + escape_for_display(prefix) + "\" can't begin the name of an index",
              "use lowercase letters, digits, '-', '_' and '.', and a letter or digit first");
}

Result<int> restore(const Globals& globals, const RestoreFlags& flags) {
  Workbench bench(globals);
  app::RestoreOptions options;
  options.stack = globals.value(globals.stack, "DAVIT_STACK");
  options.selection = {split_list(flags.only), split_list(flags.exclude)};
  options.root = flags.root;
  if (flags.no_start) options.containers = app::Containers::make;
  if (flags.data_only) options.containers = app::Containers::leave;
  options.replace = flags.replace;
  options.allow_version_change = flags.allow_version_change;

  TRY_ASSIGN(allow_hooks, globals.enabled(flags.allow_hooks, "DAVIT_ALLOW_HOOKS"));
  if (is_file(flags.backup)) {
    bench.restore_from(flags.backup);
    TRY(bench.engine());  // before a large file is read
  }
  TRY_ASSIGN(from, place_of(bench, flags.backup));
  options.backup = from.id;
  bench.sweep_repository();
  TRY_ASSIGN(engine, bench.engine());
  TRY_ASSIGN(host, bench.host());
  TRY(check_prefix(flags.indices_prefix));
  sources::SearchOptions search;
  search.restore_indices = split_list(flags.indices);
  search.restore_prefix = flags.indices_prefix;
  TRY_ASSIGN(sources, bench.sources({}, allow_hooks, {}, std::move(search)));
  if (flags.plan) {
    TRY(app::sweep_dead_runs(*engine, nullptr, bench.run()));
    TRY_ASSIGN(plan, app::plan_restore(*host, *from.storage, *sources, options, bench.run()));
    bench.progress().close();
    TRY(print(globals.json ? restore_plan_to_json(plan, flags.replace).dump(2) + "\n"
                           : render_restore_plan(plan, flags.replace)));
    return kExitDone;
  }
  TRY_ASSIGN(guards, bench.guards("restore", flags.lock_wait));
  options.guard = std::move(guards);
  TRY_ASSIGN(report, app::run_restore(*host, *from.storage, *sources, options, bench.run()));
  bench.progress().close();
  std::string text = globals.quiet ? std::string() : render_restore_report(report);
  if (globals.json) text = restore_report_to_json(report, flags.replace).dump(2) + "\n";
  TRY(print_outcome(text, "backup " + report.plan.entry.id + " was restored"));
  return report.findings.empty() ? kExitDone : kExitFindings;
}

}  // namespace

void add_restore(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("restore", "Bring a backup back");
  auto flags = std::make_shared<RestoreFlags>();
  command->add_option("backup", flags->backup, kBackupHelp)->capture_default_str();
  command->add_option("--only", flags->only, "Only these items: KIND:NAME, * and ? stand for anything")
      ->type_name("ITEM")
      ->allow_extra_args(false);
  command->add_option("--exclude", flags->exclude, "Not these items")->type_name("ITEM")->allow_extra_args(false);
  command
      ->add_option("--root", flags->root,
                   "Put the project's directory, and what was bound from it, there: a path of the Engine's host")
      ->type_name("DIRECTORY");
  CLI::Option* no_start =
      command->add_flag("--no-start", flags->no_start, "Make the containers that are missing, and leave them stopped");
  command->add_flag("--data-only", flags->data_only, "Make no containers and networks: only what the items hold")
      ->excludes(no_start);
  command
      ->add_option("--indices", flags->indices,
                   "Of search clusters only these indices and data streams: * and ? stand for anything")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command
      ->add_option("--indices-prefix", flags->indices_prefix,
                   "Restore indices of search clusters beside the present ones, under names with this before them, "
                   "without their aliases")
      ->type_name("PREFIX");
  command->add_flag("--plan", flags->plan, "Only show what would be done, and what stands in the way");
  command->add_flag(
      "--replace", flags->replace,
      "Replace volumes, files and databases that hold data; the old contents stay until the new ones stand");
  command->add_flag("--allow-version-change", flags->allow_version_change,
                    "Restore onto other images than those of the backup, and onto a newer version of a server");
  command->add_flag("--allow-hooks", flags->allow_hooks, "Run the commands of davit.command.restore");
  command->add_option("--lock-wait", flags->lock_wait, "Wait that long for another run on the stack: 30s, 10m, 1h")
      ->type_name("DURATION");
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return restore(globals, *flags); }; });
}

}  // namespace davit::cli
