#pragma once
// To which point a restore goes, and whether the repository reaches it. pgBackRest itself doesn't say: with no backup
// before a target it takes the newest one and ignores the target, and one past the last archived WAL restores with exit
// code 0 and ends in a server that doesn't start.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "sources/pgbackrest/pgbackrest.hpp"

namespace davit::sources {

using Moment = std::chrono::sys_time<std::chrono::microseconds>;

// "2026-11-20 12:00:00+00", also with a 'T', without seconds or with up to six digits behind them; the offset is "Z",
// "+02" or "+02:00". Errc::usage for anything else: without an offset, it would be the server's time zone that counts.
[[nodiscard]] Result<Moment> parse_moment(std::string_view text);
// As PostgreSQL takes it: "2026-11-20 12:00:00.000000+00".
[[nodiscard]] std::string render_moment(Moment moment);

struct ToTime {
  Moment moment;
};
struct ToSet {
  std::string label;  // the state at the end of that backup
};
struct ToEnd {};  // everything that was archived
using RestorePoint = std::variant<ToEnd, ToTime, ToSet>;

// The last timeline's way from the first: where each of the others was left, from a .history file of the archive.
using TimelineHistory = std::map<std::uint32_t, std::uint64_t>;  // timeline → LSN
[[nodiscard]] TimelineHistory parse_history(std::string_view text);

// The set that a restore to that point begins with: the newest that ended before it and lies on the way to the last
// timeline; the named one. Errc::not_found: there is none, and the message says how far back the repository reaches.
[[nodiscard]] Result<BackupSet> choose_set(const Stanza& stanza, const RestorePoint& point,
                                           const TimelineHistory& history);

// The history of the timeline that the archive's last segment is of; empty for the first one. It needs no data
// directory: that may be what is missing. Errors of getting it from the archive.
[[nodiscard]] Result<TimelineHistory> read_history(const PgBackRest& tool, const WalRange& archive, RunContext& run);

// The time of the last transaction in a segment, from the lines of pg_waldump; nothing if there is none.
[[nodiscard]] std::optional<Moment> last_transaction(std::string_view waldump);
// The time of the last transaction in the archive; the end of the set, if there is none behind its begin. Nothing: it
// can't be told, since there is no pg_waldump (which `run` is told) or nothing but quiet segments.
[[nodiscard]] Result<std::optional<Moment>> last_archived(const PgBackRest& tool, const Stanza& stanza,
                                                          const BackupSet& set, RunContext& run);
// The segment before this one, of segments of `per_log` to a log; nothing before the first.
[[nodiscard]] std::optional<std::string> segment_before(std::string_view segment, std::uint32_t per_log = 256);

}  // namespace davit::sources
