#include "sources/postgres/tools.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

namespace davit::sources {
namespace {

TEST_CASE("the version of a tool is read from what it says") {
  CHECK(major_of_tool("pg_dump (PostgreSQL) 17.5 (Debian 17.5-1.pgdg120+1)\n") == 17);
  CHECK(major_of_tool("pg_dump (PostgreSQL) 9.6.24") == 9);
  CHECK(major_of_tool("pg_dump (PostgreSQL) 18devel") == 18);
  CHECK(major_of_tool("pg_dump (EnterpriseDB)") == 0);
  CHECK(major_of_tool("") == 0);
}

TEST_CASE("tools on this machine are led to the server that was reached, and nowhere else") {
  Server::Reached reached;
  reached.settings = {{"host", "PGHOST", "db"},
                      {"port", "PGPORT", "5432"},
                      {"dbname", "PGDATABASE", "postgres"},
                      {"client_encoding", "PGCLIENTENCODING", "SQL_ASCII"},
                      {"passfile", "PGPASSFILE", "/root/.pgpass"},
                      {"keepalives", "", "1"}};
  reached.password = "secret";
  const auto env = tools_environment(
      {"PATH=/usr/bin", "HOME=/root", "PGHOST=elsewhere", "PGSERVICE=other", "LC_ALL=de_DE", "TMPDIR=/var/tmp"},
      reached, "/usr/lib/postgresql/17/bin");
  auto sorted = env;
  std::ranges::sort(sorted);
  CHECK(sorted == std::vector<std::string>{"HOME=/root", "LC_ALL=C", "PATH=/usr/lib/postgresql/17/bin:/usr/bin",
                                           "PGAPPNAME=davit", "PGHOST=db", "PGPASSWORD=secret", "PGPORT=5432",
                                           "TMPDIR=/var/tmp"});
}

}  // namespace
}  // namespace davit::sources
