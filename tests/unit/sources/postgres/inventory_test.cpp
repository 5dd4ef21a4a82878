#include "sources/postgres/inventory.hpp"

#include <catch2/catch_test_macros.hpp>

#include "sources/postgres/dump.hpp"

namespace davit::sources {
namespace {

TEST_CASE("fields cross as hex, whatever their bytes") {
  CHECK(select_text({"a", "b"}, "from t") ==
        "select coalesce(encode(textsend((a)::text), 'hex'), '-'), coalesce(encode(textsend((b)::text), 'hex'), '-') "
        "from t");
  const auto rows = parse_rows("6d79226462207c0a|-\n|e9\n", 2);
  REQUIRE(rows);
  REQUIRE(rows->size() == 2);
  CHECK((*rows)[0] == Row{"my\"db |\n", std::nullopt});
  CHECK((*rows)[1] == Row{"", "\xe9"});
  REQUIRE(parse_rows("", 2));
  CHECK(parse_rows("", 2)->empty());
}

TEST_CASE("one empty field is a row, and no output is none") {
  const auto rows = parse_rows("\n", 1);
  REQUIRE(rows);
  CHECK(rows->size() <= 1);
}

TEST_CASE("what is no such row is corrupt") {
  for (const std::string_view out : {"zz|00", "0|00", "00", "00|00|00", "00|00\nNOTICE"}) {
    CAPTURE(out);
    const auto rows = parse_rows(out, 2);
    REQUIRE_FALSE(rows);
    CHECK(rows.error().code() == Errc::corrupt);
  }
}

TEST_CASE("databases that can't be dumped say why") {
  Database database;
  database.name = "shop";
  CHECK_FALSE(database.obstacle());
  database.allows_connections = false;
  CHECK(database.obstacle() == "allows no connections");
  database.is_template = true;
  CHECK(database.obstacle() == "a template");
  database.connection_limit = -2;
  CHECK(database.obstacle()->starts_with("invalid"));
  Database left;
  left.name = stage_name(Stage::old, "0123456789abcdef0123", 12);
  CHECK(left.obstacle() == "left over from an interrupted restore");
}

TEST_CASE("names of a restore's own databases fit and are known again") {
  CHECK(stage_name(Stage::fresh, "0123456789abcdef0123456789abcdef", 1) == "davit_restore_0123456789abcdef_1");
  CHECK(stage_name(Stage::old, "ab", 10) == "davit_old_ab_10");
  CHECK(stage_name(Stage::fresh, std::string(64, 'f'), 4294967295U).size() < 64);
  CHECK(stage_of("davit_restore_ab_1") == Stage::fresh);
  CHECK(stage_of("davit_old_ab_1") == Stage::old);
  CHECK(run_of(stage_name(Stage::fresh, "0123456789abcdef0123", 7)) == "0123456789abcdef");
  CHECK(run_of(stage_name(Stage::old, "ab", 7)) == "ab");
  CHECK_FALSE(stage_of("davit_restore_of_shop"));
  CHECK_FALSE(stage_of("davit_old_ab"));
  CHECK_FALSE(stage_of("davit_old__1"));
  CHECK_FALSE(stage_of("my_davit_old_ab_1"));
}

TEST_CASE("extensions survive their attribute") {
  const Extensions extensions{{"plpgsql", "1.0"}, {"timescaledb", "2.29.2"}, {"uuid-ossp", "1.1"}};
  CHECK(render_extensions(extensions) == "plpgsql 1.0, timescaledb 2.29.2, uuid-ossp 1.1");
  CHECK(parse_extensions(render_extensions(extensions)) == extensions);
  CHECK(parse_extensions("").empty());
}

TEST_CASE("only warnings that concern the dump are findings") {
  CHECK(warnings_of("").empty());
  CHECK(warnings_of("pg_dump: warning: there are circular foreign-key constraints on this table:\n"
                    "pg_dump: detail: chunk\npg_dump: hint: You might not be able to restore the dump\n"
                    "WARNING:  database \"x\" has a collation version mismatch\n")
            .empty());
  CHECK(warnings_of("pg_dump: warning: owner of function \"f\" appears to be invalid\n") ==
        std::vector<std::string>{"owner of function \"f\" appears to be invalid"});
}

}  // namespace
}  // namespace davit::sources
