#include "util/clock.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace davit;
using namespace std::chrono;

namespace {
constexpr TimePoint kTime = sys_days(2026y / November / 21) + 8h + 30min + 5s + 250ms;
}

TEST_CASE("times have one spelling in files and one in names") {
  CHECK(render_rfc3339(kTime) == "2026-11-21T08:30:05Z");
  CHECK(render_name_time(kTime) == "20261121T083005Z");
  CHECK(render_rfc3339(TimePoint{}) == "1970-01-01T00:00:00Z");
  CHECK(render_rfc3339(TimePoint{-1ms}) == "1969-12-31T23:59:59Z");
}

TEST_CASE("parse_rfc3339 takes what is rendered, and fractions") {
  CHECK(parse_rfc3339("2026-11-21T08:30:05Z") == floor<seconds>(kTime));
  CHECK(parse_rfc3339("2026-11-21T08:30:05.25Z") == kTime);
  CHECK(parse_rfc3339("2026-11-21T08:30:05.250999999Z") == kTime);
  CHECK(parse_rfc3339("2024-02-29T00:00:00Z") == sys_days(2024y / February / 29));
  CHECK(parse_rfc3339("1969-12-31T23:59:59Z") == TimePoint{-1s});
}

TEST_CASE("parse_rfc3339 takes nothing else") {
  for (const char* text : {"",
                           "Z",
                           "2026-11-21",
                           "2026-11-21T08:30:05",
                           "2026-11-21T08:30:05+00:00",
                           "2026-11-21 08:30:05Z",
                           "2026-11-21t08:30:05z",
                           "2026-02-29T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-11-31T00:00:00Z",
                           "2026-11-21T24:00:00Z",
                           "2026-11-21T08:60:00Z",
                           "2026-11-21T08:30:60Z",
                           "2026-11-21T08:30:05.Z",
                           "2026-11-21T08:30:05ZZ",
                           "26-11-21T08:30:05Z",
                           "2026-1-21T08:30:05Z",
                           "+026-11-21T08:30:05Z",
                           "2026-11-21T08:30:-5Z"}) {
    const auto parsed = parse_rfc3339(text);
    INFO(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::usage);
  }
}

TEST_CASE("the clock of the machine goes forward") {
  const Clock clock;
  const auto before = clock.steady();
  clock.sleep_for(2ms);
  CHECK(clock.steady() - before >= 2ms);
  CHECK(clock.now() > TimePoint(sys_days(2024y / January / 1)));
}
