#include "app/pgbackrest/restore.hpp"

#include "util/text.hpp"

namespace davit::app {
namespace {

using namespace std::chrono_literals;
using sources::BackupSet;
using sources::Cluster;
using sources::DataSwap;
using sources::PgBackRest;
using sources::Stanza;
using sources::Tablespace;

// What a restore needs beside the files themselves: segments that recovery fetches one by one.
constexpr std::uint64_t kRoomForWal = 128U << 20U;

struct Way {
  BackupSet set;
  std::vector<Tablespace> tablespaces;
};

// Its last transactions may not have reached the archive. One of davit's own lies behind any point up to now.
void archive_the_present(const PgBackRest& tool, RunContext& run) {
  run.reporter.step("bring the archive up to date");
  auto archived = sources::ask_server(tool.cluster(), "select txid_current()", run);
  Result<> checked;
  if (archived) checked = tool.check(run);
  const Error* error = !archived ? &archived.error() : !checked ? &checked.error() : nullptr;
  if (error != nullptr)
    run.reporter.warning("the newest transactions may be missing from the archive: " + error->message());
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
  const std::uint64_t wanted = std::max(set.database_bytes, delta ? space.used : 0) + kRoomForWal;
  if (space.free >= wanted) return {};
  return fail(Errc::failed,
              "there is no room for a second cluster beside the old one, which stays until the new one runs: " +
                  render_bytes(wanted) + " are needed, and " + render_bytes(space.free) + " are free",
              "make room on the file system of the data directory");
}

std::vector<std::string> restore_arguments(const DataSwap& swap, const PhysicalRestoreOptions& options, const Way& way,
                                           const std::string& stanza) {
  std::vector<std::string> arguments{
      "--set=" + way.set.label, "--pg1-path=" + swap.fresh_directory(),
      // The one that pgbackrest would write names the directory of now, which is not that of later.
      "--recovery-option=restore_command=pgbackrest --stanza=" + stanza + " archive-get %f \"%p\""};
  for (const Tablespace& each : way.tablespaces)
    arguments.push_back("--tablespace-map=" + each.name + "=" + DataSwap::fresh_directory(each));
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

// As long as the server lives and says that it recovers, however long that takes.
Result<std::optional<std::string>> wait_for_recovery(const ServerControl& control, const Cluster& cluster,
                                                     RunContext& run) {
  run.reporter.step("wait until recovery has ended");
  while (true) {
    TRY(run.check());
    auto answer = sources::ask_server(
        cluster, "select pg_is_in_recovery(), coalesce(pg_last_xact_replay_timestamp()::text, '')", run);
    if (answer && answer->starts_with("f|")) {
      std::string reached = answer->substr(2);
      return reached.empty() ? std::nullopt : std::optional(std::move(reached));
    }
    TRY(control.check_runs(run));
    run.clock.sleep_for(500ms);
  }
}

constexpr const char* kByHand =
    "run `davit pgbackrest restore --settle`, which puts the old cluster back and starts it";

// The old files are in place and the server runs, or the error says that they aren't, and what to do.
Error lead_back(ServerControl& control, Error error, bool start, const RunContext& run) {
  RunContext to_the_end = run.unstoppable();
  to_the_end.reporter.step("put the old cluster back");
  const auto back = [&]() -> Result<> {
    TRY_ASSIGN(cluster, control.stop(to_the_end));
    TRY(DataSwap(cluster).undo(to_the_end));
    if (start) TRY(control.start(to_the_end));
    return {};
  };
  if (const auto led = back(); !led)
    return Error(Errc::failed,
                 error.message() + "; and the old cluster could not be put back: " + led.error().message(), kByHand);
  return Error(error.code(), error.message() + "; the old cluster is back" + (start ? ", and its server runs" : ""),
               error.hint());
}

// Behind the checks: from the stop to a server that has recovered.
Result<PhysicalRestoreReport> carry_out(ServerControl& control, const PhysicalRestoreOptions& options, const Way& way,
                                        RunContext& run) {
  PhysicalRestoreReport report;
  report.set = way.set;
  // 1. No server writes to the files any more.
  run.reporter.step("stop the server");
  TRY_ASSIGN(resting, control.stop(run));
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
  TRY_ASSIGN(reached, wait_for_recovery(control, started, run));
  report.reached = std::move(reached);
  // 5. Nothing leads back any more.
  if (const auto removed = DataSwap(started).finish(run); !removed)
    report.warnings.push_back(removed.error().message() + ": remove .davit-restore from the data directory");
  return report;
}

// Whether the server that runs is the restored one, recovered by now or in a while.
Result<bool> came_through(const ServerControl& control, RunContext& run) {
  if (!control.runs) return false;
  const auto recovered = wait_for_recovery(control, control.cluster, run);
  if (!recovered && recovered.error().code() == Errc::cancelled) return std::unexpected(recovered.error());
  return recovered.has_value();
}

Result<> start_old(ServerControl& control, RunContext& run) {
  TRY_ASSIGN(started, control.start(run));
  control.cluster = std::move(started);
  TRY(wait_for_recovery(control, control.cluster, run));
  control.runs = true;
  return {};
}

// What a dead run has left is put right before anything else is looked at. A restored cluster whose server runs has
// transactions by now that are nowhere else: it stays.
Result<Settled> settle(ServerControl& control, RunContext& run) {
  TRY_ASSIGN(left, DataSwap(control.cluster).state(run));
  if (left == DataSwap::State::none) return Settled::nothing;
  if (left == DataSwap::State::swapped) {
    TRY_ASSIGN(runs, came_through(control, run));
    if (runs) {
      TRY(DataSwap(control.cluster).finish(run));
      run.reporter.warning("an earlier restore was broken off behind its end: the restored cluster stays");
      return Settled::restored;
    }
  }
  run.reporter.warning("an earlier restore was broken off: the old cluster is put back");
  TRY_ASSIGN(resting, control.stop(run));
  control.cluster = std::move(resting);
  control.runs = false;
  if (auto undone = DataSwap(control.cluster).undo(run); !undone)
    return std::unexpected(std::move(undone).error().hint_if_none(kByHand));
  auto started = start_old(control, run);
  if (started) return Settled::old;
  if (started.error().code() == Errc::cancelled) return std::unexpected(std::move(started).error());
  // It may have been damaged from the beginning: that is what restores are for.
  run.reporter.warning("the old cluster is back, but its server doesn't start: " + started.error().message());
  TRY_ASSIGN(stopped, control.stop(run));
  control.cluster = std::move(stopped);
  return Settled::old_stopped;
}

}  // namespace

Result<PhysicalRestoreReport> restore_physical(ServerControl control, const PhysicalRestoreOptions& options,
                                               RunContext& run) {
  // 1. Whatever an earlier run broke off is the old cluster again.
  TRY(in_context(settle(control, run), "put right what an earlier restore has left"));
  // 2. Read-only, but that a server that runs is made to archive what it has: the way is known, and there is room.
  const PgBackRest tool(control.cluster, options.stanza);
  TRY(tool.info(run));
  if (control.runs) archive_the_present(tool, run);
  TRY_ASSIGN(way, choose_way(tool, options, run));
  TRY(check_room(DataSwap(control.cluster), way.set, options.delta, run));
  // 3. The new state or the old one.
  const bool ran = control.runs;
  auto restored = carry_out(control, options, way, run);
  if (!restored) return std::unexpected(lead_back(control, std::move(restored).error(), ran, run));
  return restored;
}

Result<Settled> settle_physical(ServerControl control, RunContext& run) { return settle(control, run); }

}  // namespace davit::app
