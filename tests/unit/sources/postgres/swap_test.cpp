#include "sources/postgres/swap.hpp"

#include <catch2/catch_test_macros.hpp>

namespace davit::sources {
namespace {

using Statements = std::vector<std::string>;

const std::vector<Replacement> kTwo{{"shop", "davit_restore_ab_1", "davit_old_ab_1", 20001, 16400},
                                    {"my\"db", "davit_restore_ab_2", "davit_old_ab_2", 20002, std::nullopt}};

TEST_CASE("the fresh databases take the names, and the old ones step aside first") {
  CHECK(rename_statements(kTwo, false) == Statements{"ALTER DATABASE \"shop\" RENAME TO \"davit_old_ab_1\";",
                                                     "ALTER DATABASE \"davit_restore_ab_1\" RENAME TO \"shop\";",
                                                     "ALTER DATABASE \"davit_restore_ab_2\" RENAME TO \"my\"\"db\";"});
}

TEST_CASE("and back") {
  CHECK(rename_statements(kTwo, true) == Statements{"ALTER DATABASE \"shop\" RENAME TO \"davit_restore_ab_1\";",
                                                    "ALTER DATABASE \"davit_old_ab_1\" RENAME TO \"shop\";",
                                                    "ALTER DATABASE \"my\"\"db\" RENAME TO \"davit_restore_ab_2\";"});
}

TEST_CASE("no session is ended that was begun after the swap") {
  // By oid only what loses its name; by name only what has a temporary one.
  const std::string forth = end_sessions_query(kTwo, false);
  CHECK(forth.ends_with("(datid in (0,16400) or datname in ('','davit_restore_ab_1','davit_restore_ab_2'))"));
  const std::string back = end_sessions_query(kTwo, true);
  CHECK(back.ends_with("(datid in (0,20001,20002) or datname in ('','davit_old_ab_1','davit_old_ab_2'))"));
}

}  // namespace
}  // namespace davit::sources
