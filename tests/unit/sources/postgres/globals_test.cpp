#include "sources/postgres/globals.hpp"

#include <catch2/catch_test_macros.hpp>

namespace davit::sources {
namespace {

using Statements = std::vector<std::string>;

constexpr std::string_view kScript = R"(--
-- PostgreSQL database cluster dump
--
\restrict x
SET default_transaction_read_only = off;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

CREATE ROLE "app user";
ALTER ROLE "app user" WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:a;b';
CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:c';
ALTER ROLE postgres SET search_path TO 'a', 'b';
GRANT pg_monitor TO "app user" WITH INHERIT TRUE GRANTED BY postgres;
CREATE TABLESPACE fast OWNER postgres LOCATION '/fast';
CREATE TABLESPACE slow OWNER postgres LOCATION '/slow';
GRANT ALL ON TABLESPACE slow TO "app user";
\unrestrict x
)";

TEST_CASE("what is missing is made at once, and what is there changes later") {
  const auto sorted = sort_globals(kScript, {"postgres", "pg_monitor"}, {"pg_default", "slow"});
  REQUIRE(sorted);
  CHECK(sorted->settings == Statements{"SET client_encoding = 'UTF8';", "SET standard_conforming_strings = on;"});
  CHECK(sorted->make_roles ==
        Statements{"CREATE ROLE \"app user\";",
                   "ALTER ROLE \"app user\" WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:a;b';"});
  CHECK(sorted->new_roles == Statements{"app user"});
  CHECK(sorted->make_tablespaces == Statements{"CREATE TABLESPACE fast OWNER postgres LOCATION '/fast';"});
  CHECK(sorted->new_tablespaces == Statements{"fast"});
  CHECK(sorted->later == Statements{"ALTER ROLE postgres WITH SUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:c';",
                                    "ALTER ROLE postgres SET search_path TO 'a', 'b';",
                                    "GRANT pg_monitor TO \"app user\" WITH INHERIT TRUE GRANTED BY postgres;",
                                    "GRANT ALL ON TABLESPACE slow TO \"app user\";"});
}

TEST_CASE("a script that is cut makes nothing") {
  CHECK_FALSE(sort_globals(kScript.substr(0, kScript.find("a;b")), {}, {}));
}

TEST_CASE("roles are led back to what they were") {
  const auto undo = undo_globals(
      "SET client_encoding = 'UTF8';\nCREATE ROLE app;\nALTER ROLE app WITH LOGIN PASSWORD 'old';\nGRANT g TO app;\n",
      {"ALTER ROLE app WITH LOGIN PASSWORD 'new';", "GRANT g TO app;", "GRANT h TO \"a b\" WITH ADMIN OPTION;",
       "GRANT ALL ON TABLESPACE slow TO app;"});
  REQUIRE(undo);
  CHECK(*undo == Statements{"SET client_encoding = 'UTF8';", "REVOKE \"h\" FROM \"a b\";",
                            "ALTER ROLE \"app\" CONNECTION LIMIT -1 VALID UNTIL 'infinity' PASSWORD NULL;",
                            "ALTER ROLE \"app\" RESET ALL;", "ALTER ROLE app WITH LOGIN PASSWORD 'old';"});
}

}  // namespace
}  // namespace davit::sources
