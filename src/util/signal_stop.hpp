#pragma once
// Turns SIGTERM, SIGINT and SIGHUP into a stop token, but those that were ignored when the process began (nohup): a
// thread of its own waits for them, so that no handler runs anywhere. Ignores SIGPIPE and SIGXFSZ. A process that is
// alone in its container needs it, too: as PID 1 it would not even be ended by a signal that it does not handle.

#include <memory>
#include <stop_token>
#include <thread>

#include "util/error.hpp"
#include "util/unique_fd.hpp"

namespace davit {

class SignalStop {
 public:
  // Blocks the signals in this thread and in all that it starts from now on. REQUIRES: no other thread exists yet.
  [[nodiscard]] static Result<std::unique_ptr<SignalStop>> install();
  ~SignalStop();
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  SignalStop(UniqueFd signals, UniqueFd end);
  void wait() noexcept;
  UniqueFd signals_;
  UniqueFd end_;
  std::stop_source source_;
  std::thread thread_;
};

}  // namespace davit
