#include "cli/variables.hpp"

#include <catch2/catch_test_macros.hpp>

namespace davit::cli {
namespace {

TEST_CASE("known variables and those of others pass") {
  CHECK(check_variables(Environment({{"DAVIT_REPOSITORY", "/b"}, {"HOME", "/"}, {"DAVITX", "1"}})));
}

TEST_CASE("an unknown DAVIT_ variable names the nearest known one") {
  const auto checked = check_variables(Environment({{"DAVIT_REPOSITRY", "/b"}}));
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code() == Errc::usage);
  CHECK(checked.error().message() == "variable DAVIT_REPOSITRY is unknown");
  CHECK(checked.error().hint() == "did you mean DAVIT_REPOSITORY?");
}

TEST_CASE("an unknown variable that is near to none points to the list") {
  const auto checked = check_variables(Environment({{"DAVIT_QWERTZUIOP", ""}}));
  REQUIRE_FALSE(checked);
  CHECK(checked.error().hint() == "`davit --help` lists the variables");
}

}  // namespace
}  // namespace davit::cli
