#include <nlohmann/json.hpp>

#include "app/install.hpp"
#include "cli/commands.hpp"

namespace davit::cli {
namespace {

Result<int> install(const Globals& globals, const std::string& directory) {
  TRY_ASSIGN(installed, app::install_program(directory));
  if (globals.json) {
    const nlohmann::json report{{"path", installed.path}, {"changed", installed.changed}};
    TRY(print_outcome(report.dump(2) + "\n", installed.path + " was installed"));
  } else if (!globals.quiet) {
    TRY(print_outcome(installed.path + (installed.changed ? " is installed\n" : " is up to date\n"),
                      installed.path + " was installed"));
  }
  return kExitDone;
}

}  // namespace

void add_install(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command =
      app.add_subcommand("install", "Put this program into a directory, such as a volume that a database mounts");
  auto directory = std::make_shared<std::string>();
  command->add_option("directory", *directory, "Where to: davit, and bak as a link to it")->required();
  command->callback(
      [&globals, &chosen, directory] { chosen = [&globals, directory] { return install(globals, *directory); }; });
}

}  // namespace davit::cli
