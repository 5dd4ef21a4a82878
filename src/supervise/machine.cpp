#include "supervise/machine.hpp"

#include <csignal>
#include <string>
#include <utility>

namespace davit::supervise {
namespace {

constexpr std::chrono::seconds kBetweenFailures{1};
constexpr std::chrono::seconds kForLeftovers{10};

int signal_of(StopMode mode) {
  switch (mode) {
    case StopMode::smart:
      return SIGTERM;
    case StopMode::fast:
      return SIGINT;
    case StopMode::immediate:
      return SIGQUIT;
  }
  return SIGINT;
}

bool ends_container(int signal) { return signal == SIGTERM || signal == SIGINT || signal == SIGQUIT; }

std::string describe_end(int code) {
  if (code > 128 && code <= 128 + 64) return "was ended by signal " + std::to_string(code - 128);
  return "ended with exit code " + std::to_string(code);
}

}  // namespace

Machine::Machine(OnExit on_exit, Moment now) : on_exit_(on_exit), not_before_(now.steady), since_(now.wall) {}

State Machine::state() const {
  if (phase_ == Phase::maintenance) return State::maintenance;
  if (phase_ == Phase::draining || ending_ || stop_asked_) return State::stopping;
  return phase_ == Phase::serving && ready_ ? State::running : State::starting;
}

Actions Machine::changed(Actions actions, Moment now) {
  if (const State next = state(); next != shown_) {
    shown_ = next;
    since_ = now.wall;
  }
  return actions;
}

Status Machine::status() const {
  Status status{.state = state(), .since = since_};
  status.pid = pid_;
  if (phase_ == Phase::serving)
    status.accepting = accepting_;
  else
    status.accepting = false;
  status.last_exit = last_exit_;
  status.starts = starts_;
  status.problem = problem_;
  status.on_exit = on_exit_;
  return status;
}

Machine::Watch Machine::watch() const {
  switch (phase_) {
    case Phase::waiting:
      return Watch::start;
    case Phase::preparing:
      return Watch::program;
    case Phase::serving:
      return ready_ || ending_ || stop_asked_ ? Watch::nothing : Watch::accepts;
    case Phase::maintenance:
      return Watch::nothing;
    case Phase::draining:
      return Watch::drain;
  }
  return Watch::nothing;
}

void Machine::wait_to_start(Moment now) {
  phase_ = Phase::waiting;
  by_davit_ = true;
  then_start_ = false;
  stop_asked_ = false;
  problem_.reset();
  waits_for_leftovers_since_ = now.steady;
}

Actions Machine::spawned(int pid, Moment now) {
  phase_ = Phase::preparing;
  pid_ = pid;
  ready_ = false;
  accepting_.reset();
  ++starts_;
  return changed({}, now);
}

Actions Machine::not_spawned(const Error& error, Moment now) {
  phase_ = Phase::maintenance;
  problem_ = error.message();
  not_before_ = now.steady + kBetweenFailures;
  return changed({Say{"the server can't be started: " + error.message()}}, now);
}

Actions Machine::server_seen(Moment now) {
  if (phase_ != Phase::preparing) return {};
  phase_ = Phase::serving;
  // What was sent to the entrypoint may have reached a server that takes it for a wish to wait for its clients.
  if (ending_) return changed({Kill{SIGINT}}, now);
  return changed({}, now);
}

Actions Machine::accepts(std::optional<bool> accepting, Moment now) {
  if (phase_ != Phase::serving) return {};
  accepting_ = accepting;
  if (ready_ || !accepting.value_or(true)) return {};
  ready_ = true;
  return changed({}, now);
}

Actions Machine::end(int code, std::string why) {
  ending_ = true;
  phase_ = Phase::draining;
  exit_code_ = code;
  return {Say{std::move(why)}, Drain{}};
}

Actions Machine::child_ended(int code, Moment now) {
  const bool failed_start = by_davit_ && !ready_;
  const std::string how = (phase_ == Phase::serving ? "the server " : "the image's entrypoint ") + describe_end(code);
  pid_.reset();
  last_exit_ = Ending{.code = code, .at = now.wall};
  if (ending_) return changed(end(code, how), now);
  if (stop_asked_ && then_start_) {
    wait_to_start(now);
    return changed({Say{how + ", and is started again"}}, now);
  }
  const bool asked = std::exchange(stop_asked_, false);
  if (!asked && failed_start) {
    problem_ = how + " while it was starting";
    not_before_ = now.steady + kBetweenFailures;
  }
  if (!asked && !failed_start && on_exit_ == OnExit::exit) return changed(end(code, how), now);
  phase_ = Phase::maintenance;
  return changed({Say{how + "; the container stays in maintenance until `davit db start`"}}, now);
}

Actions Machine::signalled(int signal, Moment now) {
  if (!ends_container(signal)) {
    if (pid_) return {Kill{signal}};
    return {};
  }
  ending_ = true;
  switch (phase_) {
    case Phase::waiting:
    case Phase::maintenance:
      return changed(end(0, "the container ends"), now);
    case Phase::preparing:
      // A shell that waits for a program passes over SIGINT, and goes on when that program has ended.
      return changed({Kill{signal == SIGQUIT ? SIGQUIT : SIGTERM}}, now);
    case Phase::serving:
      return changed({Kill{signal == SIGTERM ? SIGINT : signal}}, now);
    case Phase::draining:
      return {};
  }
  return {};
}

void Machine::ask_to_stop(StopMode mode, Actions& actions) {
  stop_asked_ = true;
  actions.push_back(Kill{signal_of(mode)});
}

Result<Actions> Machine::requested(const Request& request, Moment now) {
  if (request.kind == Request::Kind::status) return Actions{};
  if (ending_) return fail(Errc::unavailable, "the container is being stopped", "start it: docker start");
  const bool stops = request.kind != Request::Kind::start;
  const bool starts = request.kind != Request::Kind::stop;
  Actions actions;
  switch (phase_) {
    case Phase::waiting:
      if (!starts) phase_ = Phase::maintenance;
      break;
    case Phase::maintenance:
      if (starts) wait_to_start(now);
      break;
    case Phase::preparing:
      if (stops && !stop_asked_)
        return fail(Errc::locked, "the image's entrypoint is still preparing the server",
                    "wait until it has, or stop the container");
      break;
    case Phase::serving:
      if (stops) ask_to_stop(request.mode, actions);
      // Who wants it started while it stops wants it after that; who wants it stopped, not any more.
      then_start_ = starts && stop_asked_;
      break;
    case Phase::draining:
      break;
  }
  return changed(std::move(actions), now);
}

Actions Machine::drained() { return {Exit{exit_code_}}; }

Actions Machine::tick(bool leftovers, Moment now) {
  if (phase_ != Phase::waiting || now.steady < not_before_) return {};
  if (leftovers && waits_for_leftovers_since_ && now.steady < *waits_for_leftovers_since_ + kForLeftovers) return {};
  return changed({Spawn{}}, now);
}

}  // namespace davit::supervise
