#include "cli/commands.hpp"
#include "helper/serve.hpp"

namespace davit::cli {

void add_helper(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("helper", "What davit runs in its helper containers")->group("");
  command->prefix_command();
  command->callback([command, &chosen] {
    chosen = [arguments = command->remaining()]() -> Result<int> {
      TRY(helper::serve(arguments));
      return kExitDone;
    };
  });
}

}  // namespace davit::cli
