#include "sources/postgres/sql_text.hpp"

#include <catch2/catch_test_macros.hpp>

namespace davit::sources {
namespace {

using Statements = std::vector<std::string>;

Statements split_or_fail(std::string_view script) {
  auto statements = split_statements(script);
  REQUIRE(statements);
  return *statements;
}

TEST_CASE("identifiers and literals are quoted") {
  CHECK(quote_identifier("my\"db 'x") == "\"my\"\"db 'x\"");
  CHECK(quote_literal("it's") == "'it''s'");
  CHECK(quote_literal("a\\b'c") == "E'a\\\\b''c'");
  CHECK(quote_literal("") == "''");
}

TEST_CASE("a name is no conninfo") {
  CHECK(conninfo_of("dbname=postgres") == "dbname='dbname=postgres'");
  CHECK(conninfo_of("my\"db 'x") == "dbname='my\"db \\'x'");
  CHECK(conninfo_of("back\\slash") == "dbname='back\\\\slash'");
  CHECK(conninfo_of("-dash") == "dbname='-dash'");
}

TEST_CASE("a script is cut into its statements") {
  CHECK(split_or_fail("").empty());
  CHECK(split_or_fail("-- only a comment\n\n;;").empty());
  CHECK(split_or_fail("SET a = 1;\n-- b;\nCREATE ROLE x; ALTER ROLE x\n  WITH LOGIN;") ==
        Statements{"SET a = 1;", "CREATE ROLE x;", "ALTER ROLE x\n  WITH LOGIN;"});
}

TEST_CASE("semicolons in quotes end nothing") {
  CHECK(split_or_fail("COMMENT ON DATABASE \"a;\"\"b\" IS 'x;''y;';") ==
        Statements{"COMMENT ON DATABASE \"a;\"\"b\" IS 'x;''y;';"});
  CHECK(split_or_fail("SELECT E'a\\';b'; SELECT 'c\\'; SELECT 'd';") ==
        Statements{"SELECT E'a\\';b';", "SELECT 'c\\';", "SELECT 'd';"});
  CHECK(split_or_fail("DO $x$ a; $y$ 'b $x$; SELECT $$;$$;") == Statements{"DO $x$ a; $y$ 'b $x$;", "SELECT $$;$$;"});
  CHECK(split_or_fail("SELECT 1 /* ; ' */ ;") == Statements{"SELECT 1  ;"});
}

TEST_CASE("a backslash escapes once the script has said so") {
  const auto statements = split_or_fail("SET standard_conforming_strings = off;\nCOMMENT ON ROLE x IS 'a\\';b';");
  REQUIRE(statements.size() == 2);
  CHECK(statements[1] == "COMMENT ON ROLE x IS 'a\\';b';");
}

TEST_CASE("commands of psql are dropped") {
  CHECK(split_or_fail(
            "\\restrict abc\nSET a = 1;\n\\connect -reuse-previous=on \"dbname='x'\"\nSET b = 2;\n\\! rm -rf /") ==
        Statements{"SET a = 1;", "SET b = 2;"});
  // Inside of a value they are text.
  CHECK(split_or_fail("COMMENT ON DATABASE x IS 'a\n\\connect y\n';") ==
        Statements{"COMMENT ON DATABASE x IS 'a\n\\connect y\n';"});
}

TEST_CASE("a script that is cut is corrupt") {
  for (const std::string_view script :
       {"SELECT 'a", "SELECT \"a", "SELECT $$a", "SELECT E'\\", "CREATE ROLE x", "/* a"}) {
    CAPTURE(script);
    const auto statements = split_statements(script);
    REQUIRE_FALSE(statements);
    CHECK(statements.error().code() == Errc::corrupt);
  }
}

TEST_CASE("statements are told by their first words") {
  CHECK(begins_with("alter\n  role x;", "ALTER ROLE"));
  CHECK_FALSE(begins_with("ALTER ROLES x;", "ALTER ROLE"));
  CHECK_FALSE(begins_with("\"ALTER\" ROLE x;", "ALTER ROLE"));
  CHECK_FALSE(begins_with("ALTER", "ALTER ROLE"));
}

TEST_CASE("names are read from statements") {
  CHECK(identifier_behind("CREATE ROLE \"a \"\"b\";", "CREATE ROLE") == "a \"b");
  CHECK(identifier_behind("CREATE ROLE app;", "CREATE ROLE") == "app");
  CHECK_FALSE(identifier_behind("CREATE ROLE", "CREATE ROLE"));
  CHECK_FALSE(identifier_behind("CREATE TABLE app;", "CREATE ROLE"));
}

TEST_CASE("a statement is made to mean another database") {
  CHECK(retarget_database("CREATE DATABASE shop WITH TEMPLATE = template0;", "f\"1") ==
        "CREATE DATABASE \"f\"\"1\" WITH TEMPLATE = template0;");
  CHECK(retarget_database("ALTER ROLE \"DATABASE x\" IN DATABASE \"my\"\"db 'x\" SET a TO 'DATABASE y';", "n") ==
        "ALTER ROLE \"DATABASE x\" IN DATABASE \"n\" SET a TO 'DATABASE y';");
  CHECK(retarget_database("COMMENT ON DATABASE x IS 'GRANT ON DATABASE x';", "n") ==
        "COMMENT ON DATABASE \"n\" IS 'GRANT ON DATABASE x';");
  CHECK(retarget_database("REVOKE CONNECT,TEMPORARY ON DATABASE x FROM PUBLIC;", "n") ==
        "REVOKE CONNECT,TEMPORARY ON DATABASE \"n\" FROM PUBLIC;");
  CHECK_FALSE(retarget_database("GRANT a TO b;", "n"));
}

}  // namespace
}  // namespace davit::sources
