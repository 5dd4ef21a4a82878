#pragma once
// What the wrapper does, and when: a machine that is told what happened and answers with what is to be done. It makes
// no system call, so that every order of events can be tried. The loop around it is Supervisor.

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "supervise/state.hpp"

namespace davit::supervise {

using SteadyTime = std::chrono::steady_clock::time_point;

// What is to be done, in this order.
struct Spawn {};  // start the image's entrypoint: then spawned() or not_spawned()
struct Kill {
  int signal;
};  // send it to the child, and to nobody else
struct Drain {};  // the container is to end: end what else it has of ours, then drained()
struct Exit {
  int code;
};  // the wrapper ends with this
struct Say {
  std::string line;
};  // for the log of the container
using Action = std::variant<Spawn, Kill, Drain, Exit, Say>;
using Actions = std::vector<Action>;

class Machine {
 public:
  struct Moment {
    TimePoint wall;
    SteadyTime steady;
  };

  Machine(OnExit on_exit, Moment now);

  // Each returns what is to be done now.
  [[nodiscard]] Actions spawned(int pid, Moment now);
  // Not of the first start: the wrapper ends with its error.
  [[nodiscard]] Actions not_spawned(const Error& error, Moment now);
  // The child is the server's program now, and no longer the image's entrypoint.
  [[nodiscard]] Actions server_seen(Moment now);
  // Whether the server accepts connections; nothing: it can't be known, which counts as running.
  [[nodiscard]] Actions accepts(std::optional<bool> accepting, Moment now);
  // The child has ended, with its exit code or 128 + the signal that ended it.
  [[nodiscard]] Actions child_ended(int code, Moment now);
  // A signal came from outside, to this process.
  [[nodiscard]] Actions signalled(int signal, Moment now);
  // An error is the refusal. The answer to what was accepted is status().
  [[nodiscard]] Result<Actions> requested(const Request& request, Moment now);
  [[nodiscard]] Actions drained();
  // Some time has passed. `leftovers`: processes of the server before are still there.
  [[nodiscard]] Actions tick(bool leftovers, Moment now);

  [[nodiscard]] Status status() const;
  [[nodiscard]] std::optional<int> child() const { return pid_; }
  // What the loop has to look at again and again, if anything.
  enum class Watch { nothing, start, program, accepts, drain };
  [[nodiscard]] Watch watch() const;

 private:
  enum class Phase {
    waiting,      // to be started as soon as that may be
    preparing,    // the image's entrypoint runs
    serving,      // it has become the server
    maintenance,  // none
    draining,     // none, and the container ends
  };
  [[nodiscard]] State state() const;
  Actions changed(Actions actions, Moment now);  // keeps `since` true
  void wait_to_start(Moment now);
  void ask_to_stop(StopMode mode, Actions& actions);
  Actions end(int code, std::string why);

  OnExit on_exit_;
  Phase phase_ = Phase::waiting;
  std::optional<int> pid_;
  std::optional<bool> accepting_;
  bool ready_ = false;       // it has accepted connections since it was started, as far as can be known
  bool ending_ = false;      // the container is to end
  bool stop_asked_ = false;  // through davit
  bool then_start_ = false;  // when it has stopped
  bool by_davit_ = false;    // started through davit, by somebody who waits for it
  int exit_code_ = 0;        // of the wrapper, once it drains
  int starts_ = 0;
  SteadyTime not_before_;  // the next start: one that fails at once must not be repeated at once
  std::optional<SteadyTime> waits_for_leftovers_since_;
  std::optional<Ending> last_exit_;
  std::optional<std::string> problem_;
  State shown_ = State::starting;
  TimePoint since_;
};

}  // namespace davit::supervise
