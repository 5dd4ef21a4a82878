#include "sources/pgbackrest/target.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "unit/sources/pgbackrest/recorded.hpp"

namespace davit::sources {
namespace {

Moment at(const char* text) {
  const auto moment = parse_moment(text);
  REQUIRE(moment);
  return *moment;
}

Stanza two_sets() {
  auto stanza = parse_stanza(test::kTwoSets, "db");
  REQUIRE(stanza);
  return *std::move(stanza);
}

}  // namespace

TEST_CASE("points in time are those of PostgreSQL with an offset, and nothing else", "[pgbackrest]") {
  CHECK(render_moment(at("2026-11-20 12:00:00+00")) == "2026-11-20 12:00:00.000000+00");
  CHECK(at("2026-11-20T12:00Z") == at("2026-11-20 12:00:00+00"));
  CHECK(at("2026-11-20 12:00:00+02:00") == at("2026-11-20 10:00:00Z"));
  CHECK(at("2026-11-20 12:00:00-0330") == at("2026-11-20 15:30:00Z"));
  CHECK(at("2026-11-20 12:00:00.5+00") - at("2026-11-20 12:00:00+00") == std::chrono::milliseconds(500));
  for (const char* text :
       {"", "now", "2026-11-20", "2026-02-30 12:00:00Z", "2026-11-20 24:00:00Z", "2026-11-20 12:00:00+00x",
        "2026-11-20 12:00:00.1234567Z", "2026-11-20 12:00:00 UTC", "2026-11-20 12:60Z", "2026-11-20 -1:00:00Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_moment(text));
  }
  const auto without = parse_moment("2026-11-20 12:00:00");
  REQUIRE_FALSE(without);
  CHECK(without.error().hint().contains("time zone"));
}

TEST_CASE("a restore begins with the newest set that ended before the point", "[pgbackrest]") {
  const Stanza stanza = two_sets();  // they ended at 1795302649 and 1795302651
  const auto to = [](std::int64_t seconds) {
    return RestorePoint(ToTime{Moment(std::chrono::sys_seconds(std::chrono::seconds(seconds)))});
  };
  CHECK(choose_set(stanza, ToEnd{}, {})->type == "diff");
  CHECK(choose_set(stanza, to(1795302660), {})->type == "diff");
  CHECK(choose_set(stanza, to(1795302650), {})->type == "full");
  const auto before = choose_set(stanza, to(1795302648), {});
  REQUIRE_FALSE(before);
  CHECK(before.error().code() == Errc::not_found);
  CHECK(before.error().message().contains("20261121-231043F"));
  CHECK(choose_set(stanza, ToSet{"20261121-231043F"}, {})->type == "full");
  const auto unknown = choose_set(stanza, ToSet{"20200101-000000F"}, {});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code() == Errc::not_found);
  CHECK_FALSE(choose_set(Stanza{}, ToEnd{}, {}));
}

TEST_CASE("sets behind the point where their timeline was left are of no use", "[pgbackrest]") {
  Stanza stanza = two_sets();  // they stop at 0/3000120 and 0/5000050
  stanza.archives.front().max = "000000020000000000000005";
  const auto history = parse_history("1\t0/4000100\tbefore 2026-11-21 23:11:41.700684+00\n\n");
  REQUIRE(history.size() == 1);
  CHECK(history.at(1) == 0x4000100);
  CHECK(choose_set(stanza, ToEnd{}, history)->type == "full");
  CHECK(choose_set(stanza, ToSet{"20261121-231043F_20261121-231050D"}, history)->type == "diff");
  const auto none = choose_set(stanza, ToEnd{}, parse_history("1\t0/2000000\tx"));
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Errc::not_found);
}

TEST_CASE("sets of a timeline that leads nowhere are of no use", "[pgbackrest]") {
  Stanza stanza = two_sets();
  // The second set is of timeline 2, which a restore began; a later one went on from timeline 1, with 3.
  stanza.backups.back().wal_stop = "000000020000000000000005";
  stanza.archives.front().max = "000000030000000000000006";
  const auto history = parse_history("1\t0/4000100\tno recovery target specified\n");
  CHECK(choose_set(stanza, ToEnd{}, history)->type == "full");
  CHECK(choose_set(stanza, ToTime{at("2027-01-01 00:00Z")}, history)->type == "full");
  CHECK(choose_set(stanza, ToSet{"20261121-231043F_20261121-231050D"}, history)->type == "diff");
  // It leads to timeline 3.
  CHECK(choose_set(stanza, ToEnd{}, parse_history("1\t0/4000100\tx\n2\t0/6000000\tx\n"))->type == "diff");
}

TEST_CASE("the last transaction is the newest commit or abort of pg_waldump", "[pgbackrest]") {
  CHECK(last_transaction(
            "rmgr: Transaction len (rec/tot):     34/    34, tx:        742, lsn: 0/060000A8, prev 0/06000060, desc: "
            "COMMIT 2026-11-21 23:11:41.374622 UTC\n"
            "rmgr: Transaction len (rec/tot):     34/    34, tx:        743, lsn: 0/06000150, prev 0/06000108, desc: "
            "ABORT 2026-11-21 23:11:42.063490 UTC; dropped stats: 1/2\n") == at("2026-11-21 23:11:42.063490Z"));
  CHECK_FALSE(last_transaction(""));
  CHECK_FALSE(last_transaction("desc: COMMIT 2026-11-21 23:11:41.374622 CET\n"));
}

TEST_CASE("segments are counted backwards over the end of a log", "[pgbackrest]") {
  CHECK(segment_before("000000020000000100000010") == "00000002000000010000000F");
  CHECK(segment_before("000000020000000100000000") == "0000000200000000000000FF");
  CHECK_FALSE(segment_before("000000010000000000000000"));
  CHECK_FALSE(segment_before("00000002.history"));
}

}  // namespace davit::sources
