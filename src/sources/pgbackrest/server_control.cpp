#include "sources/pgbackrest/server_control.hpp"

namespace davit::sources {

using namespace std::chrono_literals;

namespace {

// What keeps a server from answering for a moment, such as too many clients, has passed by then.
constexpr int kRefusals = 20;

bool accepts_connections(const Cluster& cluster, RunContext& run) {
  const auto answer = cluster.ask({"pg_isready", "-q"}, run);
  return answer && answer->outcome.exit_code == 0;
}

}  // namespace

Result<std::optional<std::string>> wait_for_recovery(const ServerControl& control, const Cluster& cluster,
                                                     RunContext& run) {
  run.reporter.step("wait until recovery has ended");
  for (int refusals = 0;;) {
    TRY(run.check());
    auto answer =
        ask_server(cluster, "select pg_is_in_recovery(), coalesce(pg_last_xact_replay_timestamp()::text, '')", run);
    if (answer && answer->starts_with("f|")) {
      std::string reached = answer->substr(2);
      return reached.empty() ? std::nullopt : std::optional(std::move(reached));
    }
    TRY(control.check_runs(run));
    // One that takes connections and not this one would be waited for for ever.
    refusals = !answer && accepts_connections(cluster, run) ? refusals + 1 : 0;
    if (refusals == kRefusals)
      return fail(Errc::credentials, "the server runs, and davit can't ask it: " + answer.error().message(),
                  "user and password that the container names (POSTGRES_USER, POSTGRES_PASSWORD) must be those of the "
                  "restored cluster");
    run.clock.sleep_for(500ms);
  }
}

namespace {

Result<> undo_beside_server(const ServerControl& control, RunContext& run) {
  TRY(DataSwap(control.cluster).undo(run));
  return DataSwap(control.cluster).clear(run);
}

Result<> start_server(ServerControl& control, RunContext& run) {
  TRY_ASSIGN(started, control.start(run));
  control.cluster = std::move(started);
  TRY(wait_for_recovery(control, control.cluster, run));
  control.runs = true;
  return {};
}

Result<> stop_server(ServerControl& control, RunContext& run) {
  TRY_ASSIGN(resting, control.stop(run));
  control.cluster = std::move(resting);
  control.runs = false;
  return {};
}

}  // namespace

Result<> lead_back(ServerControl& control, bool start, RunContext& run) {
  TRY_ASSIGN(left, DataSwap(control.cluster).state(run));
  if (left == DataSwap::State::none) {
    if (control.runs) return {};
    return start ? start_server(control, run) : control.leave(run);
  }
  // Nothing was exchanged: a server is at work on the old files.
  if (left == DataSwap::State::restoring && control.runs) return undo_beside_server(control, run);
  TRY(stop_server(control, run));
  TRY(DataSwap(control.cluster).undo(run));
  if (start) TRY(start_server(control, run));
  TRY(DataSwap(control.cluster).clear(run));
  return start ? Result<>() : control.leave(run);
}

namespace {

// Whether the server that runs is the restored one, recovered by now or in a while.
Result<bool> came_through(const ServerControl& control, RunContext& run) {
  if (!control.runs) return false;
  const auto recovered = wait_for_recovery(control, control.cluster, run);
  if (recovered) return true;
  const Errc code = recovered.error().code();
  if (code == Errc::cancelled || code == Errc::credentials) return std::unexpected(recovered.error());
  return false;
}

Result<Settled> settle_old(ServerControl& control, RunContext& run) {
  TRY(stop_server(control, run));
  if (auto undone = DataSwap(control.cluster).undo(run); !undone)
    return std::unexpected(std::move(undone).error().hint_if_none(kSettleByHand));
  const auto started = start_server(control, run);
  if (!started && started.error().code() == Errc::cancelled) return std::unexpected(started.error());
  if (!started) {
    // It may have been damaged from the beginning: that is what restores are for.
    run.reporter.warning("the old cluster is back, but its server doesn't start: " + started.error().message());
    TRY(stop_server(control, run));
  }
  TRY(DataSwap(control.cluster).clear(run));
  return started ? Settled::old : Settled::old_stopped;
}

}  // namespace

Result<Settled> settle_swap(ServerControl& control, RunContext& run) {
  using State = DataSwap::State;
  if (!control.inside) TRY(DataSwap(control.cluster).check_nobody_inside(run));
  TRY_ASSIGN(left, DataSwap(control.cluster).state(run));
  if (left == State::none) return Settled::nothing;
  if (left == State::begun) {
    TRY(DataSwap(control.cluster).clear(run));
    return Settled::nothing;
  }
  if (left == State::done) {
    TRY(DataSwap(control.cluster).finish(run));
    if (!control.runs) TRY(start_server(control, run));
    return Settled::restored;
  }
  if (left == State::swapped) {
    TRY_ASSIGN(runs, came_through(control, run));
    if (runs) {
      TRY(DataSwap(control.cluster).finish(run));
      run.reporter.warning("an earlier restore was broken off behind its end: the restored cluster stays");
      return Settled::restored;
    }
  }
  run.reporter.warning("an earlier restore was broken off: the old cluster is put back");
  // Nothing was exchanged: the server is at work on the old files.
  if (left == State::restoring && control.runs) {
    TRY(undo_beside_server(control, run));
    return Settled::old;
  }
  return settle_old(control, run);
}

}  // namespace davit::sources
