#include "util/clock.hpp"

#include <format>
#include <thread>

namespace davit {
namespace {

using std::chrono::floor;
using std::chrono::seconds;

// Takes exactly `digits` decimal digits off the front of `text`, or returns -1.
int take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return -1;
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// The fraction after the point, cut to milliseconds; -1 if it is none.
int take_milliseconds(std::string_view& text) {
  int value = 0;
  std::size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (digits < 3) value = value * 10 + (text.front() - '0');
    ++digits;
    text.remove_prefix(1);
  }
  if (digits == 0) return -1;
  for (; digits < 3; ++digits) value *= 10;
  return value;
}

}  // namespace

TimePoint Clock::now() const { return floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

std::chrono::steady_clock::time_point Clock::steady() const { return std::chrono::steady_clock::now(); }

void Clock::sleep_for(std::chrono::milliseconds duration) const { std::this_thread::sleep_for(duration); }

std::string render_rfc3339(TimePoint time) { return std::format("{:%Y-%m-%dT%H:%M:%SZ}", floor<seconds>(time)); }

std::string render_name_time(TimePoint time) { return std::format("{:%Y%m%dT%H%M%SZ}", floor<seconds>(time)); }

Result<TimePoint> parse_rfc3339(std::string_view text) {
  const auto malformed = [whole = text] {
    return fail(Errc::usage, "not a time in UTC: '" + std::string(whole) + "'", "write it like 2026-11-21T08:30:00Z");
  };
  const int year = take_digits(text, 4);
  if (year < 0 || !take(text, '-')) return malformed();
  const int month = take_digits(text, 2);
  if (month < 0 || !take(text, '-')) return malformed();
  const int day = take_digits(text, 2);
  if (day < 0 || !take(text, 'T')) return malformed();
  const int hour = take_digits(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ':')) return malformed();
  const int minute = take_digits(text, 2);
  if (minute < 0 || minute > 59 || !take(text, ':')) return malformed();
  const int second = take_digits(text, 2);
  if (second < 0 || second > 59) return malformed();
  const int fraction = take(text, '.') ? take_milliseconds(text) : 0;
  if (fraction < 0 || text != "Z") return malformed();

  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return malformed();
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) + seconds(second) +
         std::chrono::milliseconds(fraction);
}

}  // namespace davit
