#pragma once
// How long a server is waited for that works on something: as long as anything moves, and for a while if it doesn't
// answer.

#include <chrono>
#include <string>

#include "util/run_context.hpp"

namespace davit::sources {

class Patience {
 public:
  explicit Patience(RunContext& run) : run_(run), answered_(run.clock.steady()), moved_(answered_) {}

  // It has answered, and has come so far. False if that has been the same for half an hour.
  [[nodiscard]] bool goes_on(std::string progress);
  // It has answered `error`. False if that will not change, or it has not answered for two minutes.
  [[nodiscard]] bool bears(const Error& error) const;
  // Sleeps, from 0.2 up to 2 seconds. Fails if the run is to stop.
  [[nodiscard]] Result<> pause();

 private:
  RunContext& run_;
  std::chrono::milliseconds next_{200};
  std::string progress_;
  std::chrono::steady_clock::time_point answered_;
  std::chrono::steady_clock::time_point moved_;
};

}  // namespace davit::sources
