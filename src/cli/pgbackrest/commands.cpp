#include "cli/pgbackrest/commands.hpp"

#include <nlohmann/json.hpp>

#include "cli/pgbackrest/place.hpp"
#include "cli/pgbackrest/render.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

struct BackupFlags {
  PlaceFlags place;
  std::string type = "incr";
  std::string lock_wait;
};

// A full backup of a large cluster takes hours, and schedules of two types meet: at midnight, at every quarter.
constexpr const char* kLockWait = "1h";

Result<int> backup(const Globals& globals, const BackupFlags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(type, in_context(sources::parse_backup_type(flags.type), "--type"));
  TRY_ASSIGN(lock_wait, bench.lock_wait(flags.lock_wait, kLockWait));
  TRY_ASSIGN(tool, open_pgbackrest(bench, globals, flags.place));
  bench.run().reporter.step("back up stanza " + escape_for_display(tool.stanza()));
  TRY_ASSIGN(made, tool.backup(type, bench.run(), lock_wait));
  for (const std::string& warning : made.warnings)
    bench.run().reporter.finding({"stanza:" + tool.stanza(), "", warning});
  bench.progress().close();
  TRY(print_outcome(globals.json    ? made_to_json(made, tool.stanza()).dump(2) + "\n"
                    : globals.quiet ? std::string()
                                    : render_made(made, tool.stanza()),
                    "backup set " + made.set.label + " was made"));
  return made.warnings.empty() ? kExitDone : kExitFindings;
}

Result<int> info(const Globals& globals, const PlaceFlags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(tool, open_pgbackrest(bench, globals, flags));
  TRY_ASSIGN(stanza, tool.info(bench.run()));
  bench.progress().close();
  TRY(print(globals.json ? stanza_to_json(stanza).dump(2) + "\n" : render_stanza(stanza)));
  return kExitDone;
}

Result<int> verify(const Globals& globals, const PlaceFlags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(tool, open_pgbackrest(bench, globals, flags));
  bench.run().reporter.step("verify stanza " + escape_for_display(tool.stanza()));
  TRY_ASSIGN(report, tool.verify(bench.run()));
  bench.progress().close();
  if (globals.json || !globals.quiet || !report.sound())
    TRY(print(globals.json ? verify_to_json(report, tool.stanza()).dump(2) + "\n" : render_verify(report)));
  if (report.sound()) return kExitDone;
  return fail(Errc::corrupt, "verify stanza " + escape_for_display(tool.stanza()) + ": not all of it is sound",
              "make a full backup now: davit pgbackrest backup --type full");
}

}  // namespace

void add_pgbackrest_backup(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("backup", "Make a backup of the cluster into pgBackRest's repository");
  auto flags = std::make_shared<BackupFlags>();
  command->add_option("--type", flags->type, "full, diff (on the last full) or incr (on the last of any type)")
      ->type_name("TYPE")
      ->capture_default_str();
  command
      ->add_option("--lock-wait", flags->lock_wait,
                   "How long to wait for another pgBackRest at work on the stanza: 30s, 10m; 1h where nothing is set")
      ->type_name("TIME");
  add_place_flags(*command, flags->place);
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return backup(globals, *flags); }; });
}

void add_pgbackrest_info(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("info", "List the backups in pgBackRest's repository");
  auto flags = std::make_shared<PlaceFlags>();
  add_place_flags(*command, *flags);
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return info(globals, *flags); }; });
}

void add_pgbackrest_verify(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("verify", "Read everything in the repository, and check it");
  auto flags = std::make_shared<PlaceFlags>();
  add_place_flags(*command, *flags);
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return verify(globals, *flags); }; });
}

void add_pgbackrest(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command =
      app.add_subcommand("pgbackrest", "Physical backups of a PostgreSQL server by pgBackRest, in its container");
  command->require_subcommand(1);
  add_pgbackrest_backup(*command, globals, chosen);
  add_pgbackrest_info(*command, globals, chosen);
  add_pgbackrest_verify(*command, globals, chosen);
  add_pgbackrest_restore(*command, globals, chosen);
}

}  // namespace davit::cli
