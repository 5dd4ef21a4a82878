#pragma once
// The guard of a run: a container named after the stack, `davit-guard-<stack>`. Its name is the lock, since the Engine
// gives it to one run at a time; its labels say who holds it; a file in its own volume is the journal. It is davit
// itself with the Engine's socket, and waits at the end of a channel: when that ends before release(), or says nothing
// for too long, or when the Engine starts it anew, it puts right what the journal holds (docs/guard.md).

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "engine/own_labels.hpp"
#include "helper/session.hpp"
#include "util/journal.hpp"

namespace davit::helper {

struct GuardOptions {
  std::string stack;
  std::string command;                // "backup": for whoever finds the lock taken
  std::string engine_socket;          // path of the Engine's socket on the Engine's own host
  std::chrono::seconds lock_wait{0};  // how long to wait for a run that holds the stack
  engine::IsAlive is_alive;           // of the owner in a guard's labels
};

class Guard : public Journal {
 public:
  // Takes the lock and starts the guard. A dead run's guard is first given the time to put right what it holds.
  // Errc::locked: another run holds the stack, and the message says which and since when. `host` and `run` must outlive
  // it.
  [[nodiscard]] static Result<std::unique_ptr<Guard>> acquire(Host& host, const GuardOptions& options, RunContext& run);

  // Errc::failed once the guard is lost (removed, killed, cut off): whoever holds something puts it right and stops.
  // Asks the guard itself, so that after it everything was guarded up to now.
  [[nodiscard]] virtual Result<> check() = 0;
  // Requested when the guard is lost.
  [[nodiscard]] virtual std::stop_token lost() const = 0;
  // Another run had the stack meanwhile, or was put right: what was planned before may have changed.
  [[nodiscard]] virtual bool waited() const = 0;
  // Everything was put right: ends the guard and gives the lock away. An error if the journal still holds something:
  // then, and without this call, the guard puts that right as soon as the channel has ended.
  [[nodiscard]] virtual Result<> release() = 0;
};

// Takes the lock on the stack of that name for this run.
using AcquireGuard = std::function<Result<std::unique_ptr<Guard>>(const std::string& stack, RunContext& run)>;

// What guards of dead runs have to say, and their ends: one that doesn't run is started, so that it puts right what its
// journal holds, and waited for; one that has done its work is removed. What it did is told as warnings. Errc::failed
// if one could not put everything right: what, and what to do.
[[nodiscard]] Result<> repair(engine::Engine& engine, const engine::IsAlive& is_alive, RunContext& run);

}  // namespace davit::helper
