// The manifests of docs/kubernetes call bak as it can be called.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>

#include "cli/pg/commands.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

// The items of the list `args:`.
std::vector<std::string> arguments_of(const std::string& path) {
  std::ifstream file(path);
  REQUIRE(file);
  std::vector<std::string> arguments;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    const std::string_view text = trim(line);
    if (inside && !text.starts_with("- ")) break;
    if (inside) arguments.emplace_back(text.substr(2));
    if (text == "args:") inside = true;
  }
  return arguments;
}

TEST_CASE("the manifests for Kubernetes call bak with options that it has") {
  for (const std::string name : {"cronjob", "restore"}) {
    std::vector<std::string> arguments = arguments_of("../docs/kubernetes/" + name + ".yaml");
    CAPTURE(name);
    REQUIRE(arguments.size() > 3);
    const std::string command = arguments.front();
    Globals globals;
    Action chosen;
    CLI::App app("", "bak");
    app.fallthrough();
    add_pg_commands(app, globals, chosen);
    std::ranges::reverse(arguments);  // as CLI11 wants them
    CHECK_NOTHROW(app.parse(arguments));
    CHECK(app.got_subcommand(command));
    CHECK(chosen);
  }
}

}  // namespace
}  // namespace davit::cli
