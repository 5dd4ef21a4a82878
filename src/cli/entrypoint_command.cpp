#include <unistd.h>

#include <cstdio>

#include "cli/commands.hpp"
#include "supervise/control_socket.hpp"
#include "supervise/supervisor.hpp"
#include "util/heard.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

// A line among those of the server. If nobody takes the log in, it must not hold up the wrapper.
void say(std::string_view line) {
  if (!is_heard()) return;
  const std::string text = "davit: " + escape_for_display(line) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

std::vector<std::string> variables_of(const Environment& environment) {
  std::vector<std::string> all;
  for (const auto& [name, value] : environment.all()) all.push_back(name + "=" + value);
  return all;
}

Result<int> entrypoint(const Globals& globals, const std::string& on_exit, const std::vector<std::string>& command) {
  if (command.empty())
    return fail(Errc::usage, "no command was named that starts the server",
                "write `davit entrypoint -- docker-entrypoint.sh postgres`: where an entrypoint is set, the Engine "
                "forgets the image's command");
  const std::string policy = globals.value(on_exit, "DAVIT_ON_EXIT");
  TRY_ASSIGN(parsed, in_context(supervise::parse_on_exit(policy.empty() ? "exit" : policy),
                                on_exit.empty() ? "variable DAVIT_ON_EXIT" : "--on-exit"));
  TRY_ASSIGN(name, supervise::control_name());
  const Clock clock;
  return supervise::supervise({.command = {.argv = command, .env = variables_of(globals.environment)},
                               .on_exit = parsed,
                               .socket = name,
                               .say = say,
                               .clock = clock});
}

}  // namespace

void add_entrypoint(CLI::App& app, const Globals& globals, Action& chosen, const std::vector<std::string>& behind) {
  CLI::App* command = app.add_subcommand(
      "entrypoint", "Run a database server as the first process of its container: davit entrypoint -- COMMAND…");
  auto on_exit = std::make_shared<std::string>();
  command
      ->add_option(
          "--on-exit", *on_exit,
          "When the server ends unasked, end with its exit code (exit), or stay in maintenance (stay); exit by "
          "default")
      ->type_name("WHAT");
  command->footer(
      "Behind -- stands what starts the server, such as docker-entrypoint.sh postgres. SIGTERM and SIGINT stop it "
      "fast, "
      "and\nthe container ends with the server's exit code. `davit db stop` leaves the container in maintenance.");
  command->callback([&globals, &chosen, &behind, on_exit] {
    chosen = [&globals, &behind, on_exit] { return entrypoint(globals, *on_exit, behind); };
  });
}

}  // namespace davit::cli
