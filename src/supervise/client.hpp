#pragma once
// The other side of the wrapper: asks for a change and waits until it has come about. The wrapper answers at once and
// goes on by itself, so whoever stops waiting changes nothing.

#include <functional>
#include <stop_token>

#include "supervise/state.hpp"

namespace davit::supervise {

// How the wrapper is asked: ask() of control_socket.hpp, or something else for tests.
using Ask = std::function<Result<Status>(const Request&)>;

struct Patience {
  std::chrono::milliseconds timeout = std::chrono::seconds{120};
  std::stop_token stop = {};
  const Clock& clock;
  // Whether the server accepts connections, where the wrapper can't tell. Nothing: unknown here, too.
  std::function<std::optional<bool>()> accepting = {};
};

// No server runs after this. One that is being prepared is waited for first. Errc::unavailable
// when the time is over: it goes on stopping. Errc::cancelled.
[[nodiscard]] Result<Status> stop_server(const Ask& ask, StopMode mode, const Patience& patience);
// A server accepts connections after this. Errc::failed if it ended while it was starting; the container is in
// maintenance then. Errc::unavailable when the time is over: it goes on starting. Errc::cancelled.
[[nodiscard]] Result<Status> start_server(const Ask& ask, const Patience& patience);
// Both, decided by the wrapper: it starts the server again whatever becomes of whoever asked.
[[nodiscard]] Result<Status> restart_server(const Ask& ask, StopMode mode, const Patience& patience);

}  // namespace davit::supervise
