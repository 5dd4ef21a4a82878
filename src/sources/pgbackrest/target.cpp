#include "sources/pgbackrest/target.hpp"

#include <charconv>
#include <format>
#include <functional>

#include "sources/postgres/server.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono;

constexpr int kSegmentsBack = 64;  // a quiet server writes a segment for each backup, and nothing in it

// Takes `digits` of them off the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits || text.front() == '-') return {};
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits) return {};
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<microseconds> take_fraction(std::string_view& text) {
  std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == std::string_view::npos) digits = text.size();
  if (digits == 0 || digits > 6) return {};
  auto value = take_number(text, digits);
  if (!value) return {};
  for (; digits < 6; ++digits) *value *= 10;
  return microseconds(*value);
}

// "2026-11-20 12:00:00.5", all of what comes before an offset.
std::optional<Moment> take_clock(std::string_view& text) {
  const auto y = take_number(text, 4);
  if (!y || !take(text, '-')) return {};
  const auto m = take_number(text, 2);
  if (!m || !take(text, '-')) return {};
  const auto d = take_number(text, 2);
  if (!d || !(take(text, ' ') || take(text, 'T'))) return {};
  const auto h = take_number(text, 2);
  if (!h || !take(text, ':')) return {};
  const auto min = take_number(text, 2);
  int s = 0;
  microseconds fraction{0};
  if (min && take(text, ':')) {
    const auto seconds_of = take_number(text, 2);
    if (!seconds_of) return {};
    s = *seconds_of;
    if (take(text, '.')) {
      const auto part = take_fraction(text);
      if (!part) return {};
      fraction = *part;
    }
  }
  const year_month_day date{year(*y), month(static_cast<unsigned>(*m)), day(static_cast<unsigned>(*d))};
  if (!min || !date.ok() || *h > 23 || *min > 59 || s > 59) return {};
  return sys_days(date) + hours(*h) + minutes(*min) + seconds(s) + fraction;
}

std::optional<minutes> take_offset(std::string_view& text) {
  if (take(text, 'Z')) return minutes(0);
  const bool west = text.starts_with('-');
  if (!take(text, '+') && !take(text, '-')) return {};
  const auto h = take_number(text, 2);
  if (!h || *h > 15) return {};
  int min = 0;
  take(text, ':');
  if (!text.empty()) {
    const auto part = take_number(text, 2);
    if (!part || *part > 59) return {};
    min = *part;
  }
  const minutes offset = hours(*h) + minutes(min);
  return west ? -offset : offset;
}

std::uint64_t parse_lsn(std::string_view text) {
  const auto slash = text.find('/');
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  if (slash == std::string_view::npos) return 0;
  std::from_chars(text.data(), text.data() + slash, high, 16);
  std::from_chars(text.data() + slash + 1, text.data() + text.size(), low, 16);
  return (high << 32U) | low;
}

std::uint32_t timeline_of(std::string_view segment) {
  std::uint32_t timeline = 0;
  if (segment.size() >= 8) std::from_chars(segment.data(), segment.data() + 8, timeline, 16);
  return timeline;
}

// Whether recovery from it can follow the last timeline: it is of that one, or of one that leads to it and had not been
// left when it ended. Another restore may have begun timelines that lead nowhere.
bool lies_on_the_way(const BackupSet& set, std::uint32_t last, const TimelineHistory& history) {
  const std::uint32_t timeline = timeline_of(set.wal_stop);
  if (timeline == last || last == 0) return true;
  const auto left = history.find(timeline);
  return left != history.end() && (set.lsn_stop.empty() || parse_lsn(set.lsn_stop) <= left->second);
}

std::string since(const BackupSet& set) { return render_moment(set.stop) + " (" + escape_for_display(set.label) + ")"; }

// What is fetched is removed again; where there is no segment, pgbackrest says 1.
constexpr const char* kDump = R"sh(
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
pgbackrest --stanza="$1" --log-level-console=off --log-level-stderr=warn archive-get "$2" "$dir/$2" || exit 1
command -v pg_waldump >/dev/null 2>&1 || exit 127
TZ=UTC pg_waldump --rmgr=Transaction "$dir/$2" || :
)sh";

}  // namespace

Result<Moment> parse_moment(std::string_view text) {
  std::string_view rest = trim(text);
  const auto clock = take_clock(rest);
  const auto offset = clock ? take_offset(rest) : std::nullopt;
  if (clock && offset && rest.empty()) return *clock - *offset;
  return fail(Errc::usage, "\"" + escape_for_display(text) + "\" is no point in time",
              clock && rest.empty() ? "say of which time zone it is: \"" + std::string(trim(text)) + "+00\" is UTC"
                                    : "write it like \"2026-11-20 12:00:00+00\"");
}

std::string render_moment(Moment moment) { return std::format("{:%F %T}+00", moment); }

TimelineHistory parse_history(std::string_view text) {
  TimelineHistory history;
  for (const std::string& each : split(text, '\n')) {
    const std::string_view line = trim(each);
    const auto fields = split(line, '\t');
    std::uint32_t timeline = 0;
    if (line.starts_with('#') || fields.size() < 2) continue;
    std::from_chars(fields[0].data(), fields[0].data() + fields[0].size(), timeline);
    if (timeline != 0) history[timeline] = parse_lsn(fields[1]);
  }
  return history;
}

Result<BackupSet> choose_set(const Stanza& stanza, const RestorePoint& point, const TimelineHistory& history) {
  const std::string where = "stanza " + escape_for_display(stanza.name);
  if (const auto* named = std::get_if<ToSet>(&point)) {
    if (const BackupSet* set = stanza.find(named->label)) return *set;
    return fail(Errc::not_found, where + " has no set " + escape_for_display(named->label),
                stanza.backups.empty() ? "it has none at all"
                                       : "its newest is " + escape_for_display(stanza.backups.back().label) +
                                             "; `davit pgbackrest info` lists all");
  }
  if (stanza.backups.empty())
    return fail(Errc::not_found, where + " has no backups", "make one: davit pgbackrest backup --type full");
  const auto* time = std::get_if<ToTime>(&point);
  const BackupSet* chosen = nullptr;
  const BackupSet* oldest = nullptr;
  const WalRange* archive = stanza.archive();
  const std::uint32_t last = archive == nullptr ? 0 : timeline_of(archive->max);
  for (const BackupSet& set : stanza.backups) {
    if (set.database != stanza.database || !lies_on_the_way(set, last, history)) continue;
    if (oldest == nullptr) oldest = &set;
    if (time == nullptr || set.stop <= time->moment) chosen = &set;
  }
  if (chosen != nullptr) return *chosen;
  if (oldest == nullptr)
    return fail(Errc::not_found, where + " has no backup on the way to its last timeline",
                "restore one with --set, or make one: davit pgbackrest backup --type full");
  return fail(Errc::not_found,
              "no backup of " + where + " ended before " + render_moment(time->moment) +
                  ": the first one that is of use "
                  "ended at " +
                  since(*oldest),
              "choose a later point");
}

Result<TimelineHistory> read_history(const PgBackRest& tool, const WalRange& archive, RunContext& run) {
  const std::uint32_t timeline = timeline_of(archive.max);
  if (timeline <= 1) return TimelineHistory{};
  const std::string name = std::format("{:08X}.history", timeline);
  // archive-get would want the data directory's control file.
  TRY_ASSIGN(answer, tool.cluster().ask({"pgbackrest", "--stanza=" + tool.stanza(), "--log-level-console=off",
                                         "--log-level-stderr=warn", "--repo=" + std::to_string(archive.repository),
                                         "repo-get", "archive/" + tool.stanza() + "/" + archive.id + "/" + name},
                                        run));
  if (answer.outcome.exit_code != 0)
    return std::unexpected(pgbackrest_error("get " + name + " from the archive", answer.outcome));
  return parse_history(answer.out);
}

std::optional<Moment> last_transaction(std::string_view waldump) {
  std::optional<Moment> last;
  for (const std::string& line : split(waldump, '\n'))
    for (const std::string_view kind : {"desc: COMMIT ", "desc: ABORT "}) {
      const auto found = line.find(kind);
      if (found == std::string::npos) continue;
      std::string_view rest = std::string_view(line).substr(found + kind.size());
      if (const auto at = take_clock(rest); at && rest.starts_with(" UTC") && (!last || *at > *last)) last = at;
    }
  return last;
}

std::optional<std::string> segment_before(std::string_view segment, std::uint32_t per_log) {
  if (segment.size() != 24) return {};
  std::uint32_t log = 0;
  std::uint32_t number = 0;
  std::from_chars(segment.data() + 8, segment.data() + 16, log, 16);
  std::from_chars(segment.data() + 16, segment.data() + 24, number, 16);
  if (number == 0 && log == 0) return {};
  if (number == 0) {
    --log;
    number = per_log - 1;
  } else {
    --number;
  }
  return std::format("{}{:08X}{:08X}", segment.substr(0, 8), log, number);
}

Result<std::optional<Moment>> last_archived(const PgBackRest& tool, const Stanza& stanza, const BackupSet& set,
                                            RunContext& run) {
  const WalRange* archive = stanza.archive();
  std::optional<std::string> segment;
  if (archive != nullptr) segment = archive->max;
  const auto position = [](std::string_view name) { return name.size() == 24 ? name.substr(8) : std::string_view(); };
  for (int i = 0; segment && position(*segment) >= position(set.wal_start); ++i) {
    if (i == kSegmentsBack) return std::nullopt;
    TRY_ASSIGN(answer, tool.cluster().ask({"sh", "-c", kDump, "davit", tool.stanza(), *segment}, run));
    if (answer.outcome.exit_code == 127) {
      run.reporter.note("there is no pg_waldump: whether the archive reaches that far shows in recovery");
      return std::nullopt;
    }
    // A segment from before the last timeline began has another name, which isn't looked for.
    if (answer.outcome.exit_code != 0) return std::nullopt;
    if (const auto last = last_transaction(answer.out)) return last;
    segment = segment_before(*segment);
  }
  return Moment(set.stop);
}

}  // namespace davit::sources
