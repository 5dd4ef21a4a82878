#include "sources/postgres/archive.hpp"

#include <catch2/catch_test_macros.hpp>

#include "sources/postgres/check.hpp"

namespace davit::sources {
namespace {

TEST_CASE("only what concerns the database goes to the new one") {
  const auto statements = statements_for(
      {"SET statement_timeout = 0;", "SET client_encoding = 'UTF8';",
       "SELECT pg_catalog.set_config('search_path', '', false);",
       "CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8';", "ALTER DATABASE shop OWNER TO app;",
       "COMMENT ON DATABASE shop IS 'the; shop';", "ALTER DATABASE shop SET search_path TO 'a';",
       "ALTER DATABASE shop SET \"timescaledb.restoring\" TO 'on';",
       "ALTER ROLE app IN DATABASE shop SET work_mem TO '1MB';",
       "REVOKE CONNECT,TEMPORARY ON DATABASE shop FROM PUBLIC;", "SET SESSION AUTHORIZATION app;",
       "GRANT CONNECT ON DATABASE shop TO reader;", "RESET SESSION AUTHORIZATION;",
       "GRANT SELECT ON TABLE t TO reader;", "DROP DATABASE shop;", "COPY t FROM PROGRAM 'id';"},
      "fresh");
  REQUIRE(statements);
  CHECK(*statements ==
        std::vector<std::string>{
            "SET client_encoding = 'UTF8';", "CREATE DATABASE \"fresh\" WITH TEMPLATE = template0 ENCODING = 'UTF8';",
            "ALTER DATABASE \"fresh\" OWNER TO app;", "COMMENT ON DATABASE \"fresh\" IS 'the; shop';",
            "ALTER DATABASE \"fresh\" SET search_path TO 'a';",
            "ALTER ROLE app IN DATABASE \"fresh\" SET work_mem TO '1MB';",
            "REVOKE CONNECT,TEMPORARY ON DATABASE \"fresh\" FROM PUBLIC;", "SET SESSION AUTHORIZATION app;",
            "GRANT CONNECT ON DATABASE \"fresh\" TO reader;", "RESET SESSION AUTHORIZATION;"});
}

TEST_CASE("an archive that does not make its database is corrupt") {
  const auto statements = statements_for({"ALTER DATABASE shop OWNER TO app;"}, "fresh");
  REQUIRE_FALSE(statements);
  CHECK(statements.error().code() == Errc::corrupt);
}

TEST_CASE("versions are compared before anything is touched") {
  CHECK(check_version(17, 17, false, "db").empty());
  CHECK(check_version(17, 0, false, "db").empty());
  const auto older = check_version(17, 15, true, "db");
  REQUIRE(older.size() == 1);
  CHECK_FALSE(older[0].replaceable);
  CHECK(older[0].what == "the backup is of PostgreSQL 17, and service db has 15");
  const auto newer = check_version(15, 17, false, "db");
  REQUIRE(newer.size() == 1);
  CHECK(newer[0].remedy.contains("--allow-version-change"));
  CHECK(check_version(15, 17, true, "db").empty());
}

}  // namespace
}  // namespace davit::sources
