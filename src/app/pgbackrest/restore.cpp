#include "app/pgbackrest/restore.hpp"

#include "sources/pgbackrest/room.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using sources::BackupSet;
using sources::DataSwap;
using sources::PgBackRest;
using sources::Stanza;
using sources::Tablespace;

struct Way {
  BackupSet set;
  std::vector<Tablespace> tablespaces;
};

// Its last transactions may not have reached the archive. One of davit's own lies behind any point up to now. Whoever
// names a point may do without the newest; all that there is would not be what is restored.
Result<> archive_the_present(const PgBackRest& tool, const PhysicalRestoreOptions& options, RunContext& run) {
  run.reporter.step("bring the archive up to date");
  const auto archive = [&]() -> Result<> {
    TRY(sources::ask_server(tool.cluster(), "select txid_current()", run));
    return tool.check(run);
  };
  auto archived = archive();
  if (archived || archived.error().code() == Errc::cancelled) return archived;
  if (!std::holds_alternative<sources::ToEnd>(options.point)) {
    run.reporter.warning("the newest transactions may be missing from the archive: " + archived.error().message());
    return {};
  }
  const std::string& hint = archived.error().hint();
  return fail(
      archived.error().code(),
      "the newest transactions don't reach the archive, and would be gone: " + archived.error().message(),
      (hint.empty() ? "" : hint + "; ") + "or name the point to restore with --at or --set, or stop the server first");
}

Result<> check_reach(const PgBackRest& tool, const Stanza& stanza, const BackupSet& set, sources::Moment wanted,
                     RunContext& run) {
  if (wanted > run.clock.now())
    return fail(Errc::usage, "the point in time " + sources::render_moment(wanted) + " lies in the future");
  TRY_ASSIGN(last, sources::last_archived(tool, stanza, set, run));
  if (!last || *last > wanted) return {};
  return fail(Errc::not_found,
              "the archive of stanza " + escape_for_display(stanza.name) + " doesn't reach " +
                  sources::render_moment(wanted) + ": its last transaction is of " + sources::render_moment(*last),
              "choose an earlier point, or leave out --at to restore all there is");
}

// Read-only: the set to begin with, and that the point can be reached from it.
Result<Way> choose_way(const PgBackRest& tool, const PhysicalRestoreOptions& options, RunContext& run) {
  run.reporter.step("look for the way to the point that is to be restored");
  TRY_ASSIGN(stanza, tool.info(run));
  sources::TimelineHistory history;
  if (const sources::WalRange* archive = stanza.archive();
      archive != nullptr && !std::holds_alternative<sources::ToSet>(options.point)) {
    TRY_ASSIGN(read, sources::read_history(tool, *archive, run));
    history = std::move(read);
  }
  Way way;
  TRY_ASSIGN(set, sources::choose_set(stanza, options.point, history));
  way.set = set;
  if (const auto* time = std::get_if<sources::ToTime>(&options.point))
    TRY(check_reach(tool, stanza, set, time->moment, run));
  TRY_ASSIGN(details, tool.info(run, set.label));
  way.tablespaces = details.tablespaces.value_or(std::vector<Tablespace>{});
  if (set.damaged)
    run.reporter.warning("set " + set.label + " has pages with wrong checksums, which the server had then");
  return way;
}

Result<> check_room(const DataSwap& swap, const BackupSet& set, bool delta, RunContext& run) {
  TRY(swap.check(run));
  TRY_ASSIGN(space, swap.space(run));
  return sources::check_room(space, std::max(set.database_bytes, delta ? space.used : 0));
}

std::vector<std::string> restore_arguments(const DataSwap& swap, const PhysicalRestoreOptions& options, const Way& way,
                                           const std::string& stanza) {
  std::vector<std::string> arguments{
      "--set=" + way.set.label, "--pg1-path=" + swap.fresh_directory(),
      // The one that pgbackrest would write names the directory of now, which is not that of later.
      "--recovery-option=restore_command=pgbackrest --stanza=" + stanza + " archive-get %f \"%p\""};
  for (const Tablespace& each : way.tablespaces)
    // By its number: a name may have "=" in it.
    arguments.push_back("--tablespace-map=" + std::to_string(each.oid) + "=" + DataSwap::fresh_directory(each));
  if (const auto* time = std::get_if<sources::ToTime>(&options.point)) {
    arguments.insert(arguments.end(),
                     {"--type=time", "--target=" + sources::render_moment(time->moment), "--target-action=promote"});
  } else if (std::holds_alternative<sources::ToSet>(options.point)) {
    arguments.insert(arguments.end(), {"--type=immediate", "--target-action=promote"});
  }
  if (options.delta) arguments.emplace_back("--delta");
  arguments.emplace_back("restore");
  return arguments;
}

// The old files are in place and the server runs, or the error says that they aren't, and what to do.
Error led_back(ServerControl& control, const Error& error, bool start, const RunContext& run) {
  RunContext to_the_end = run.unstoppable();
  to_the_end.reporter.step("put the old cluster back");
  const auto lead = [&]() -> Result<> {
    // Perhaps it is still ending, or its container has ended.
    TRY_ASSIGN(resting, control.stop(to_the_end));
    control.cluster = std::move(resting);
    control.runs = false;
    return sources::lead_back(control, start, to_the_end);
  };
  if (const auto led = lead(); !led)
    return {Errc::failed, error.message() + "; and the old cluster could not be put back: " + led.error().message(),
            sources::kSettleByHand};
  return {error.code(), error.message() + "; the old cluster is back" + (start ? ", and its server runs" : ""),
          error.hint()};
}

// Behind the checks: from the stop to a server that has recovered.
Result<PhysicalRestoreReport> carry_out(ServerControl& control, const PhysicalRestoreOptions& options, const Way& way,
                                        RunContext& run) {
  PhysicalRestoreReport report;
  report.set = way.set;
  // 1. No server writes to the files any more.
  run.reporter.step("stop the server");
  TRY_ASSIGN(resting, control.stop(run));
  control.cluster = resting;
  control.runs = false;
  const DataSwap swap(resting);
  const PgBackRest tool(resting, options.stanza);
  // 2. The new cluster lies whole beside the old one, which nothing has touched.
  run.reporter.step("restore " + way.set.label, way.set.database_bytes);
  TRY(swap.begin(way.tablespaces, options.delta, run));
  TRY_ASSIGN(warnings,
             tool.command(restore_arguments(swap, options, way, options.stanza), "restore " + way.set.label, run));
  report.warnings = std::move(warnings);
  // 3. They have changed places.
  TRY(swap.exchange(run));
  // 4. The server has recovered to the point, and writes to the new files.
  run.reporter.step("start the server");
  TRY_ASSIGN(started, control.start(run));
  control.cluster = started;
  control.runs = true;
  TRY_ASSIGN(reached, sources::wait_for_recovery(control, started, run));
  report.reached = std::move(reached);
  // 5. Nothing leads back any more.
  if (const auto removed = DataSwap(started).finish(run); !removed)
    report.warnings.push_back(removed.error().message() + ": remove .davit-restore from the data directory");
  return report;
}

}  // namespace

Result<PhysicalRestoreReport> restore_physical(ServerControl control, const PhysicalRestoreOptions& options,
                                               RunContext& run) {
  // 1. Whatever an earlier run broke off is the old cluster again.
  TRY(in_context(sources::settle_swap(control, run), "put right what an earlier restore has left"));
  // 2. Read-only, but that a server that runs is made to archive what it has: the way is known, and there is room.
  const PgBackRest tool(control.cluster, options.stanza);
  TRY(tool.info(run));
  if (control.runs) TRY(archive_the_present(tool, options, run));
  TRY_ASSIGN(way, choose_way(tool, options, run));
  TRY(check_room(DataSwap(control.cluster), way.set, options.delta, run));
  // 3. Whoever finds the server stopped sees why.
  if (auto announced = DataSwap(control.cluster).announce(run); !announced) {
    RunContext to_the_end = run.unstoppable();
    if (const auto cleared = DataSwap(control.cluster).clear(to_the_end); !cleared)
      run.reporter.warning(cleared.error().message());
    return std::unexpected(std::move(announced).error());
  }
  // 4. The new state or the old one.
  const bool ran = control.runs;
  auto restored = carry_out(control, options, way, run);
  if (!restored) return std::unexpected(led_back(control, restored.error(), ran, run));
  return restored;
}

Result<Settled> settle_physical(ServerControl control, RunContext& run) {
  TRY_ASSIGN(settled, sources::settle_swap(control, run));
  if (settled == Settled::old_stopped) TRY(control.leave(run));
  return settled;
}

}  // namespace davit::app
