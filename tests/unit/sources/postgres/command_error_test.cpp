#include <catch2/catch_test_macros.hpp>

#include "sources/postgres/server.hpp"

namespace davit::sources {
namespace {

engine::CommandOutcome outcome(int exit_code, std::string errors) {
  engine::CommandOutcome made;
  made.exit_code = exit_code;
  made.errors = std::move(errors);
  return made;
}

TEST_CASE("a program that is missing is told from one that failed, whoever misses it") {
  const Error missing = command_error("dump database app", "pg_dump", outcome(127, "sh: pg_dump: not found"));
  CHECK(missing.code() == Errc::not_found);
  CHECK(missing.message() == "dump database app: the container has no pg_dump");
  CHECK(missing.hint().contains("davit.postgres=off"));

  const Error needed = command_error(
      "dump roles", "pg_dumpall",
      outcome(1,
              "pg_dumpall: error: program \"pg_dump\" is needed by pg_dumpall but was not found in the same "
              "directory as \"/usr/bin/pg_dumpall\""));
  CHECK(needed.code() == Errc::not_found);
  CHECK(needed.message() == "dump roles: the container has no pg_dump");

  const Error failed = command_error("dump database app", "pg_dump", outcome(1, "pg_dump: error: out of memory"));
  CHECK(failed.code() == Errc::failed);
  CHECK(failed.message() == "dump database app: pg_dump: error: out of memory");
  CHECK(failed.hint().empty());
  CHECK(command_error("dump", "pg_dump", outcome(3, "")).message() == "dump: pg_dump ended with exit code 3");
}

TEST_CASE("an error of psql is told without the statement that it shows") {
  CHECK(without_statement("psql:<stdin>:3: ERROR:  42601: syntax error\n"
                          "LINE 1: ALTER ROLE ann WITH NEWER PASSWORD 'SCRAM-SHA-256$4096:x';\n"
                          "                            ^\n"
                          "DETAIL:  more") == "psql:<stdin>:3: ERROR:  42601: syntax error\nDETAIL:  more");
  CHECK(without_statement("one\ntwo") == "one\ntwo");
  CHECK(without_statement("").empty());
}

}  // namespace
}  // namespace davit::sources
