#pragma once
// A clock that stands, and whose sleepers find that the time has passed. `nap` is what they really sleep, where they
// wait for another process.

#include <thread>

#include "util/clock.hpp"

namespace davit::test {

struct SkippingClock : Clock {
  std::chrono::microseconds nap{0};
  mutable std::chrono::steady_clock::time_point at;
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override { return at; }
  void sleep_for(std::chrono::milliseconds duration) const override {
    at += duration;
    if (nap.count() > 0) std::this_thread::sleep_for(nap);
  }
};

}  // namespace davit::test
