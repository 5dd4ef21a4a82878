#include "app/pgbackrest/restore.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "app/guarded.hpp"
#include "app/pgbackrest/control.hpp"
#include "cli/pgbackrest/commands.hpp"
#include "cli/pgbackrest/inside.hpp"
#include "cli/pgbackrest/place.hpp"
#include "supervise/control_socket.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

struct Flags {
  PlaceFlags place;
  std::string at;
  std::string set;
  std::string lock_wait;
  bool delta = false;
  bool settle = false;
};

Result<app::PhysicalRestoreOptions> options_of(const Flags& flags) {
  if (!flags.at.empty() && !flags.set.empty())
    return fail(Errc::usage, "--at and --set name two points",
                "--set restores the state at the end of that backup; --at finds its backup by itself");
  if (flags.settle && (!flags.at.empty() || !flags.set.empty() || flags.delta))
    return fail(Errc::usage, "--settle restores nothing, and takes no --at, --set and --delta");
  app::PhysicalRestoreOptions options;
  options.delta = flags.delta;
  if (!flags.set.empty()) options.point = sources::ToSet{flags.set};
  if (!flags.at.empty()) {
    TRY_ASSIGN(moment, in_context(sources::parse_moment(flags.at), "--at"));
    options.point = sources::ToTime{moment};
  }
  return options;
}

// What `restored` becomes for people and programs.
struct Outcome {
  std::string stanza;
  std::optional<app::PhysicalRestoreReport> restored;
  app::Settled settled = app::Settled::nothing;
};

Result<Outcome> carry_out(app::ServerControl control, const app::PhysicalRestoreOptions& options, bool settle,
                          RunContext& run) {
  Outcome outcome;
  outcome.stanza = options.stanza;
  if (settle) {
    TRY_ASSIGN(settled, app::settle_physical(std::move(control), run));
    outcome.settled = settled;
    return outcome;
  }
  TRY_ASSIGN(restored, app::restore_physical(std::move(control), options, run));
  outcome.restored = std::move(restored);
  return outcome;
}

// In the container of the database, where the wrapper is asked over its socket.
Result<Outcome> from_inside(Workbench& bench, const Globals& globals, const Flags& flags,
                            app::PhysicalRestoreOptions options) {
  options.stanza = stanza_of(globals, flags.place, {});
  TRY_ASSIGN(cluster, cluster_inside(globals));
  TRY_ASSIGN(control, control_inside(cluster));
  TRY_ASSIGN(alone, supervise::hold_restore_name(control.cluster.data_directory()));
  // Whether whoever is outside lives can't be seen from here.
  if (!flags.settle) TRY(sources::DataSwap(control.cluster).check_idle(bench.run()));
  return carry_out(std::move(control), options, flags.settle, bench.run());
}

Result<Outcome> from_outside(Workbench& bench, const Globals& globals, const Flags& flags,
                             app::PhysicalRestoreOptions options) {
  TRY_ASSIGN(engine, bench.engine());
  TRY_ASSIGN(found, find_database(bench, flags.place));
  options.stanza = stanza_of(globals, flags.place, found);
  const auto project = found.labels.find("com.docker.compose.project");
  TRY_ASSIGN(guards, bench.guards("pgbackrest restore", flags.lock_wait));
  const auto work = [&](helper::Guard& guard, RunContext& run) -> Result<Outcome> {
    // It may have been started or made anew while the lock was waited for.
    TRY_ASSIGN(container, find_database(bench, flags.place));
    TRY_ASSIGN(control, app::control_of(*engine, container, guard, run));
    return carry_out(std::move(control), options, flags.settle, run);
  };
  return app::guarded(guards, project == found.labels.end() ? found.name : project->second, bench.run(), work);
}

std::string render(const Outcome& outcome) {
  if (outcome.restored) {
    const app::PhysicalRestoreReport& report = *outcome.restored;
    return "restored " + escape_for_display(report.set.label) + " of stanza " + escape_for_display(outcome.stanza) +
           "; the last transaction replayed is " +
           (report.reached ? "of " + escape_for_display(*report.reached) : "that backup's own") +
           "\nmake a full backup now: later points are reached from there\n";
  }
  switch (outcome.settled) {
    case app::Settled::nothing:
      return "nothing was left to be put right\n";
    case app::Settled::restored:
      return "the restored cluster stays, and its server runs\n";
    case app::Settled::old:
      return "the old cluster is back, and its server runs\n";
    case app::Settled::old_stopped:
      break;
  }
  return "the old cluster is back, and its server doesn't start\n";
}

nlohmann::json to_json(const Outcome& outcome) {
  nlohmann::json object{{"stanza", escape_for_display(outcome.stanza)}};
  if (!outcome.restored) {
    static constexpr std::array kNames{"nothing", "restored", "old", "old-stopped"};
    object["settled"] = kNames.at(static_cast<std::size_t>(outcome.settled));
    return object;
  }
  object["set"] = escape_for_display(outcome.restored->set.label);
  object["reached"] = nullptr;
  if (outcome.restored->reached) object["reached"] = escape_for_display(*outcome.restored->reached);
  object["warnings"] = nlohmann::json::array();
  for (const std::string& warning : outcome.restored->warnings)
    object["warnings"].push_back(escape_for_display(warning));
  return object;
}

Result<int> restore(const Globals& globals, const Flags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(options, options_of(flags));
  TRY_ASSIGN(outcome, is_inside(globals, flags.place) ? from_inside(bench, globals, flags, options)
                                                      : from_outside(bench, globals, flags, options));
  if (outcome.restored)
    for (const std::string& warning : outcome.restored->warnings)
      bench.run().reporter.finding({"pgbackrest", "", warning});
  bench.progress().close();
  TRY(print_outcome(globals.json    ? to_json(outcome).dump(2) + "\n"
                    : globals.quiet ? std::string()
                                    : render(outcome),
                    "the cluster was restored"));
  if (outcome.settled == app::Settled::old_stopped)
    return fail(Errc::failed, "the server of the old cluster doesn't start", "restore a backup, or see its log");
  return outcome.restored && !outcome.restored->warnings.empty() ? kExitFindings : kExitDone;
}

}  // namespace

void add_pgbackrest_restore(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "restore", "Restore the cluster: to the end of the archive, to a point in time, or as a backup had it");
  auto flags = std::make_shared<Flags>();
  command->add_option("--at", flags->at, "To this point in time, such as \"2026-11-20 12:00:00+00\"")
      ->type_name("TIME");
  command->add_option("--set", flags->set, "As it was at the end of this backup (`davit pgbackrest info`)")
      ->type_name("LABEL");
  command->add_flag("--delta", flags->delta,
                    "Begin with a copy of the old files, and read only what differs from the repository");
  command->add_flag("--settle", flags->settle, "Restore nothing: put right what a restore that was killed has left");
  command->add_option("--lock-wait", flags->lock_wait, "How long to wait for another run on the stack: 30s, 10m, 1h")
      ->type_name("TIME");
  add_place_flags(*command, flags->place);
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return restore(globals, *flags); }; });
}

}  // namespace davit::cli
