#include "sources/pgbackrest/stanza.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "sources/pgbackrest/verify_report.hpp"
#include "unit/sources/pgbackrest/recorded.hpp"

namespace davit::sources {

TEST_CASE("sets and segments are read from what pgBackRest 2.45 and 2.55 say", "[pgbackrest]") {
  const auto stanza = parse_stanza(test::kTwoSets, "db");
  REQUIRE(stanza);
  REQUIRE(stanza->backups.size() == 2);
  const BackupSet& diff = stanza->backups[1];
  CHECK(diff.label == "20261121-231043F_20261121-231050D");
  CHECK(diff.type == "diff");
  CHECK(diff.prior == "20261121-231043F");
  CHECK(diff.stop.time_since_epoch().count() == 1795302651);
  CHECK(diff.database_bytes == 23462843);
  CHECK(diff.delta_bytes == 8464);
  CHECK(diff.lsn_stop == "0/5000050");
  CHECK(diff.wal_start == "000000010000000000000004");
  CHECK_FALSE(diff.damaged);
  REQUIRE(stanza->archive() != nullptr);
  CHECK(stanza->archive()->max == "000000010000000000000005");
  CHECK(stanza->find("20261121-231043F")->type == "full");
  CHECK(stanza->find("nix") == nullptr);
  CHECK_FALSE(stanza->tablespaces);

  const auto older = parse_stanza(test::kTwoSetsOf245, "db");
  REQUIRE(older);
  REQUIRE(older->backups.size() == 2);
  CHECK(older->backups[1].lsn_stop == "0/5000088");
}

TEST_CASE("tablespaces are known of a set that was asked for", "[pgbackrest]") {
  const auto stanza = parse_stanza(test::kOneSet, "db");
  REQUIRE(stanza);
  REQUIRE(stanza->tablespaces);
  REQUIRE(stanza->tablespaces->size() == 1);
  CHECK(stanza->tablespaces->front().name == "ts");
  CHECK(stanza->tablespaces->front().oid == 16384);
  CHECK(stanza->tablespaces->front().location == "/tmp/ts");
}

TEST_CASE("a stanza that is missing is an error though pgbackrest calls it none", "[pgbackrest]") {
  for (const char* json : {test::kMissingStanza, "[]", test::kTwoSets}) {
    const auto stanza = parse_stanza(json, "nix");
    REQUIRE_FALSE(stanza);
    CHECK(stanza.error().code() == Errc::not_found);
  }
  const auto empty = parse_stanza(test::kNoBackupsYet, "db");
  REQUIRE(empty);
  CHECK(empty->backups.empty());
  CHECK(empty->archive() == nullptr);
}

TEST_CASE("what is no answer of info is corrupt, and its other codes are failures with the reason", "[pgbackrest]") {
  for (const char* json : {"", "{}", "ERROR: [055]", R"([{"name":"db","status":{"code":99999999999999999999}}])"}) {
    const auto stanza = parse_stanza(json, "db");
    REQUIRE_FALSE(stanza);
    CHECK((stanza.error().code() == Errc::corrupt || stanza.error().code() == Errc::failed));
  }
  const auto other =
      parse_stanza(R"([{"name":"db","status":{"code":99,"message":"other"},)"
                   R"("repo":[{"key":1,"status":{"code":99,"message":"[CryptoError] unable to load info file"}}]}])",
                   "db");
  REQUIRE_FALSE(other);
  CHECK(other.error().code() == Errc::failed);
  CHECK(other.error().message() == "stanza db: other: [CryptoError] unable to load info file");
}

TEST_CASE("verify is read, since it exits with 0 whatever it finds", "[pgbackrest]") {
  const auto sound = parse_verify(test::kSound);
  REQUIRE(sound);
  CHECK(sound->sound());
  REQUIRE(sound->parts.size() == 2);
  CHECK(sound->parts[0].name == "archive 17-1");
  CHECK(sound->parts[1].checked == 969);

  const auto altered = parse_verify(test::kAltered);
  REQUIRE(altered);
  CHECK_FALSE(altered->sound());
  CHECK(altered->parts[0].trouble == "1 of 6 segments, other: 1");
  CHECK(altered->parts[1].trouble == "invalid, 1 of 969 files, checksum invalid: 1");

  const auto vague = parse_verify("stanza: db\nstatus: error\n");
  REQUIRE(vague);
  CHECK_FALSE(vague->sound());
  CHECK_FALSE(parse_verify(""));
}

}  // namespace davit::sources
