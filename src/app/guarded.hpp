#pragma once
// What a run does while a guard stands behind it.

#include <chrono>
#include <optional>
#include <stop_token>
#include <utility>

#include "helper/guard/guard.hpp"
#include "util/run_context.hpp"

namespace davit::app {

// Guards for runs of `command` on the Engine of `host`, which must outlive them. `engine_socket` is the path of its
// socket on its own host; empty: found out. `self` as for own_owner().
[[nodiscard]] helper::AcquireGuard guards_of(helper::Host& host, std::string command, std::chrono::seconds lock_wait,
                                             std::string engine_socket, std::string self);

// A run that stops when its guard is lost, too: nobody would put right any more what it holds.
class Watched {
 public:
  Watched(const helper::Guard& guard, const RunContext& run)
      : by_user_(run.stop, Stop{&source_}),
        by_loss_(guard.lost(), Stop{&source_}),
        run_{run.run_id, run.clock, run.reporter, source_.get_token(), run.owner} {}
  Watched(Watched&&) = delete;
  [[nodiscard]] RunContext& run() { return run_; }

 private:
  struct Stop {
    std::stop_source* source;
    void operator()() const noexcept { source->request_stop(); }
  };
  std::stop_source source_;
  std::stop_callback<Stop> by_user_;
  std::stop_callback<Stop> by_loss_;
  RunContext run_;
};

// What the run ends with, once its guard is released as well.
[[nodiscard]] std::optional<Error> end_guard(helper::Guard& guard, const Error* failure, RunContext& run);

// Takes the lock on the stack, does `work(guard, run)` and gives the lock away. The work has put right what it held,
// whether it went well or not; what it could not is put right by the guard, and the error says so.
template <class Work>
auto guarded(const helper::AcquireGuard& acquire, const std::string& stack, RunContext& run, Work work)
    -> decltype(work(std::declval<helper::Guard&>(), run)) {
  TRY_ASSIGN(guard, acquire(stack, run));
  Watched watched(*guard, run);
  auto result = work(*guard, watched.run());
  if (auto error = end_guard(*guard, result ? nullptr : &result.error(), run))
    return std::unexpected(*std::move(error));
  return result;
}

}  // namespace davit::app
