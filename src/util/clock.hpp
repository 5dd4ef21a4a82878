#pragma once
// Time, as an interface so that tests can own it, and its one spelling: UTC, RFC 3339 in files, without colons in
// names.

#include <chrono>
#include <string>
#include <string_view>

#include "util/error.hpp"

namespace davit {

using TimePoint = std::chrono::sys_time<std::chrono::milliseconds>;

struct Clock {
  virtual ~Clock() = default;
  [[nodiscard]] virtual TimePoint now() const;                                 // wall clock, UTC
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady() const;  // for durations
  virtual void sleep_for(std::chrono::milliseconds duration) const;            // for polling with a bound
};

// "2026-11-21T08:30:00Z"
[[nodiscard]] std::string render_rfc3339(TimePoint time);
// Takes what render_rfc3339 writes, with or without a fraction of a second; anything else is Errc::usage.
[[nodiscard]] Result<TimePoint> parse_rfc3339(std::string_view text);
// "20261121T083000Z", for names of files and backups.
[[nodiscard]] std::string render_name_time(TimePoint time);

}  // namespace davit
