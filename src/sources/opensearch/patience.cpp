#include "sources/opensearch/patience.hpp"

#include <algorithm>

namespace davit::sources {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongestPause = 2s;
constexpr auto kSilence = 2min;
constexpr auto kStall = 30min;

}  // namespace

bool Patience::goes_on(std::string progress) {
  answered_ = run_.clock.steady();
  if (progress != progress_) {
    progress_ = std::move(progress);
    moved_ = answered_;
  }
  return answered_ - moved_ <= kStall;
}

bool Patience::bears(const Error& error) const {
  return error.code() == Errc::unavailable && run_.clock.steady() - answered_ <= kSilence;
}

Result<> Patience::pause() {
  run_.clock.sleep_for(next_);
  next_ = std::min<std::chrono::milliseconds>(next_ * 2, kLongestPause);
  return run_.check();
}

}  // namespace davit::sources
