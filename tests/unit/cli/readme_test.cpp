// The tables of the README are those of the program: a label or variable that is added without them fails here.

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <sstream>

#include "cli/variables.hpp"
#include "sources/labels.hpp"
#include "util/error.hpp"

namespace davit::cli {
namespace {

using Catch::Matchers::ContainsSubstring;

std::string readme() {
  std::ifstream file("../README.md");
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string row(std::initializer_list<std::string_view> cells) {
  std::string line = "|";
  for (const std::string_view cell : cells) line += " " + std::string(cell) + (cell.empty() ? "|" : " |");
  return line + "\n";
}

std::string code(std::string_view text) { return text.empty() ? "" : "`" + std::string(text) + "`"; }

TEST_CASE("the README lists every label as the program knows it") {
  for (const sources::LabelRule& rule : sources::label_rules())
    CHECK_THAT(readme(), ContainsSubstring(row({code(rule.name), rule.where, rule.values, rule.meaning})));
}

TEST_CASE("the README lists every variable as the program knows it") {
  for (const Variable& variable : variables())
    CHECK_THAT(readme(), ContainsSubstring(row({code(variable.name), code(variable.flag), variable.meaning})));
}

TEST_CASE("the README lists every exit code as the program knows it") {
  for (const ExitCode& exit : exit_codes())
    CHECK_THAT(readme(), ContainsSubstring(row({std::to_string(exit.number), exit.meaning})));
}

}  // namespace
}  // namespace davit::cli
