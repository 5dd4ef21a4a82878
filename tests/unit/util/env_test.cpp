#include "util/env.hpp"

#include <stdlib.h>

#include <catch2/catch_test_macros.hpp>
#include <fstream>

#include "support/temporary_directory.hpp"

using namespace davit;

TEST_CASE("an empty variable is as good as none") {
  const Environment environment({{"A", "1"}, {"EMPTY", ""}});
  CHECK(environment.get("A") == "1");
  CHECK(environment.get("EMPTY") == std::nullopt);
  CHECK(environment.get("NONE") == std::nullopt);
}

TEST_CASE("of_process reads the environment, values with equals signs included") {
  ::setenv("DAVIT_TEST_VARIABLE", "a=b=c", 1);
  CHECK(Environment::of_process().get("DAVIT_TEST_VARIABLE") == "a=b=c");
  ::unsetenv("DAVIT_TEST_VARIABLE");
  CHECK(Environment::of_process().get("DAVIT_TEST_VARIABLE") == std::nullopt);
}

TEST_CASE("a secret comes from the variable or from the file that NAME_FILE names") {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "secret";
  const auto with = [](std::map<std::string, std::string, std::less<>> variables) {
    return Environment(std::move(variables)).secret("KEY");
  };
  const auto given = [&](std::map<std::string, std::string, std::less<>> variables) {
    const auto secret = with(std::move(variables));
    REQUIRE(secret);
    return *secret;
  };
  const auto write = [&](std::string_view text) { std::ofstream(path, std::ios::binary) << text; };

  CHECK(given({}) == std::nullopt);
  CHECK(given({{"KEY", " as it is\n"}}) == " as it is\n");
  write("line one\nline two \r\n\n");
  CHECK(given({{"KEY_FILE", path}}) == "line one\nline two ");
  CHECK(given({{"KEY", ""}, {"KEY_FILE", path}}) == "line one\nline two ");

  SECTION("both is an error") {
    const auto both = with({{"KEY", "x"}, {"KEY_FILE", path}});
    REQUIRE_FALSE(both);
    CHECK(both.error().code() == Errc::usage);
    CHECK(both.error().message() == "KEY and KEY_FILE are both set");
  }
  SECTION("a missing file is an error that names variable and path") {
    const auto missing = with({{"KEY_FILE", path + ".none"}});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code() == Errc::not_found);
    CHECK(missing.error().message() == "read the file named by KEY_FILE, " + path + ".none: no such file or directory");
  }
  SECTION("an empty file is an error, not an empty secret") {
    write("\n");
    const auto empty = with({{"KEY_FILE", path}});
    REQUIRE_FALSE(empty);
    CHECK(empty.error().message() == "read the file named by KEY_FILE, " + path + ": it is empty");
  }
  SECTION("a directory, and something endless") {
    REQUIRE_FALSE(with({{"KEY_FILE", directory.path()}}));
    REQUIRE_FALSE(with({{"KEY_FILE", "/dev/zero"}}));
  }
}
