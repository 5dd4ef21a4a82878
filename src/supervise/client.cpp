#include "supervise/client.hpp"

#include <chrono>

namespace davit::supervise {
namespace {

constexpr std::chrono::milliseconds kInterval{100};

using Deadline = std::chrono::steady_clock::time_point;

std::string seconds(const Patience& patience) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(patience.timeout).count()) + " s";
}

// False when the time is over.
Result<bool> pass_time(const Patience& patience, Deadline end) {
  if (patience.stop.stop_requested()) return fail(Errc::cancelled, "cancelled");
  if (patience.clock.steady() >= end) return false;
  patience.clock.sleep_for(kInterval);
  return true;
}

// The answer to a request that stops: an entrypoint at its preparations is not broken off.
Result<Status> order_stop(const Ask& ask, const Request& request, const Patience& patience, Deadline end) {
  while (true) {
    auto answer = ask(request);
    if (answer || answer.error().code() != Errc::locked) return answer;
    TRY_ASSIGN(goes_on, pass_time(patience, end));
    if (!goes_on) return answer;
  }
}

// Where the wrapper can't tell, whoever else may know is asked; where nobody knows, it counts as accepting.
bool accepts(const Status& status, const Patience& patience) {
  if (status.accepting) return *status.accepting;
  return !patience.accepting || patience.accepting().value_or(true);
}

Result<Status> wait_for_start(const Ask& ask, Status status, int starts, const Patience& patience, Deadline end) {
  while (true) {
    if (status.state == State::maintenance)
      return fail(Errc::failed, status.problem.value_or("the server has ended while it was starting"),
                  "the log of the container says why; what can't be started there can be mended: it is in maintenance");
    if (status.state == State::running && status.starts >= starts && accepts(status, patience)) return status;
    TRY_ASSIGN(goes_on, pass_time(patience, end));
    if (!goes_on)
      return fail(Errc::unavailable, "the server doesn't accept connections after " + seconds(patience),
                  "it goes on starting: `davit db status` and the log of the container tell how far it is");
    TRY_ASSIGN(next, ask({}));
    status = next;
  }
}

}  // namespace

Result<Status> stop_server(const Ask& ask, StopMode mode, const Patience& patience) {
  const Deadline end = patience.clock.steady() + patience.timeout;
  TRY_ASSIGN(status, order_stop(ask, {.kind = Request::Kind::stop, .mode = mode}, patience, end));
  const int starts = status.starts;
  while (status.state != State::maintenance) {
    if (status.starts != starts)
      return fail(Errc::failed, "the server has stopped, and somebody else has started it again");
    TRY_ASSIGN(goes_on, pass_time(patience, end));
    if (!goes_on)
      return fail(Errc::unavailable, "the server has not stopped within " + seconds(patience),
                  mode == StopMode::smart ? "clients keep it up: stop with --mode fast"
                                          : "it goes on stopping: `davit db status` tells when it has");
    TRY_ASSIGN(next, ask({}));
    status = next;
  }
  return status;
}

Result<Status> start_server(const Ask& ask, const Patience& patience) {
  const Deadline end = patience.clock.steady() + patience.timeout;
  TRY_ASSIGN(status, ask({.kind = Request::Kind::start}));
  return wait_for_start(ask, std::move(status), 0, patience, end);
}

Result<Status> restart_server(const Ask& ask, StopMode mode, const Patience& patience) {
  const Deadline end = patience.clock.steady() + patience.timeout;
  TRY_ASSIGN(status, order_stop(ask, {.kind = Request::Kind::restart, .mode = mode}, patience, end));
  const int starts = status.starts + 1;
  return wait_for_start(ask, std::move(status), starts, patience, end);
}

}  // namespace davit::supervise
