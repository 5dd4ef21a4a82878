#pragma once
// Between work that moves bytes in pieces of any size and a Progress that is told of them now and then.

#include <cstdint>
#include <utility>

#include "helper/place/place.hpp"

namespace davit::helper {

class Meter {
 public:
  // REQUIRES: `progress` outlives the meter. It may be empty.
  explicit Meter(const Progress& progress) : progress_(progress) {}

  // Passes it on every MiB, and at least every 256 times, so that many empty files can be cancelled too.
  [[nodiscard]] Result<> add(std::uint64_t bytes) {
    bytes_ += bytes;
    if (bytes_ < (1U << 20U) && ++times_ < 256) return {};
    return flush();
  }
  [[nodiscard]] Result<> flush() {
    times_ = 0;
    const std::uint64_t bytes = std::exchange(bytes_, 0);
    return progress_ ? progress_(bytes) : Result<>();
  }

 private:
  const Progress& progress_;
  std::uint64_t bytes_ = 0;
  unsigned times_ = 0;
};

}  // namespace davit::helper
