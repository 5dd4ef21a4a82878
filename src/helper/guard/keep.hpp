#pragma once
// What runs inside a guard's container: `davit guard …`. Keeps the journal for davit at the other end of a channel, and
// puts right what it holds when davit is gone (docs/guard.md).

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "helper/channel/link.hpp"
#include "helper/guard/rescue_report.hpp"

namespace davit::helper {

// Behind this word stands what a guard has put right, in its log; behind the other what it could not, so far.
inline constexpr std::string_view kRescued = "rescued: ";
inline constexpr std::string_view kNotYet = "not yet: ";

struct GuardDuty {
  std::string directory;                                // of the journal
  std::function<Result<std::unique_ptr<Link>>()> link;  // to davit; asked for at the first start only
  std::function<Result<>()> reach;                      // whether the Engine answers
  std::function<RescueReport(const JournalEntries&)> rescue;
  std::function<Result<>()> clear;  // removes the other containers of the run
  std::function<Result<>()> remove_self;
  std::function<void(std::string_view line)> say;  // to whoever reads the log

  std::chrono::milliseconds silence = std::chrono::seconds(30);  // davit is dead if nothing comes for so long
  std::chrono::milliseconds retry = std::chrono::seconds(1);     // between two attempts to put right
  std::chrono::milliseconds haste = std::chrono::minutes(1);     // after which it is ten times as long
};

// Returns when davit has said bye, or when everything is put right (and this container is removed if nothing had to
// be). An error: the journal is kept, for the next start. Errc::cancelled once `stop` is requested; and whatever keeps
// the Engine from being reached: when it is back it starts what has ended by itself, and not what it had to end.
[[nodiscard]] Result<> keep_guard(const GuardDuty& duty, const std::stop_token& stop);

}  // namespace davit::helper
