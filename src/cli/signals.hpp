#pragma once
// Signals as a request to stop: a thread of its own waits for SIGINT, SIGTERM and SIGHUP, so that no handler runs
// anywhere.

#include <stop_token>
#include <thread>

namespace davit::cli {

class SignalWatch {
 public:
  // Blocks the signals in this thread and in all that it starts from now on; ignores SIGPIPE.
  // REQUIRES: no other thread runs yet.
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  int wake_ = -1;  // eventfd that ends the thread
  std::jthread thread_;
};

}  // namespace davit::cli
