#include "cli/cli.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <format>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "cli/commands.hpp"
#include "cli/pg/commands.hpp"
#include "cli/pgbackrest/commands.hpp"
#include "cli/render.hpp"
#include "cli/variables.hpp"
#include "helper/inside/serve.hpp"
#include "util/log.hpp"
#include "util/signal_stop.hpp"
#include "util/standard_streams.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

std::string render_exit_codes() {
  std::vector<std::vector<std::string>> rows;
  for (const ExitCode& code : exit_codes()) rows.push_back({std::to_string(code.number), std::string(code.meaning)});
  return "Exit codes:\n" + render_table(rows, 2);
}

std::string render_footer() {
  std::vector<std::vector<std::string>> rows;
  for (const Variable& variable : variables())
    rows.push_back({std::string(variable.name), std::string(variable.flag), std::string(variable.meaning)});
  std::string text =
      "Variables (a flag wins; every davit.* label of the stack comes after both):\n" + render_table(rows, 2);
  rows.clear();
  for (const sources::LabelRule& rule : sources::label_rules())
    rows.push_back({std::string(rule.name), std::string(rule.where), std::string(rule.meaning)});
  text += "\nLabels:\n" + render_table(rows, 2);
  return text + "\n" + render_exit_codes();
}

// Those of every name that the binary has.
void add_common_globals(CLI::App& app, Globals& globals, const std::string& verbose, const std::string& quiet) {
  app.add_option("--stack", globals.stack, "The Compose project; by default the only one that runs")->type_name("NAME");
  app.add_option("--self", globals.self, "Container that davit runs in, where it can't find out")
      ->type_name("CONTAINER");
  app.add_flag(verbose, globals.verbose, "Say more about what is done, and how");
  app.add_flag("-q,--quiet", globals.quiet, quiet);
  app.add_flag("--json", globals.json, "Print the outcome as JSON on standard output");
}

void add_s3_globals(CLI::App& app, Globals& globals) {
  app.add_option("--endpoint", globals.s3.endpoint, "The S3 server; that of AWS by default")->type_name("URL");
  app.add_option("--region", globals.s3.region, "Region of the bucket; us-east-1 by default")->type_name("NAME");
  app.add_option("--profile", globals.s3.profile, "Profile of the files of AWS that has the keys for S3")
      ->type_name("NAME");
  app.add_option("--ca-file", globals.s3.ca_file, "Certificates that the S3 server's is checked with (PEM)")
      ->type_name("FILE");
  app.add_flag("--path-style", globals.s3.path_style,
               "The bucket stands in the path of a URL, as it does by default but for AWS");
  app.add_flag("--virtual-host", globals.s3.virtual_host, "The bucket stands in the host name of a URL");
  app.add_flag("--allow-http", globals.s3.allow_http, "Take an S3 server without TLS");
}

void add_globals(CLI::App& app, Globals& globals) {
  app.add_option("--repository", globals.repository, "Where backups live: a directory, or s3://bucket/prefix")
      ->type_name("PLACE");
  add_s3_globals(app, globals);
  app.add_option("--helper-image", globals.helper_image, "Image of the helper containers; busybox by default")
      ->type_name("IMAGE");
  app.add_option("--channel", globals.channel, "How helpers hand over their bytes: auto or attach")->type_name("KIND");
  add_common_globals(app, globals, "-v,--verbose", "Print findings, warnings and errors only; of a backup also its id");
}

void add_bak_globals(CLI::App& app, Globals& globals) {
  add_s3_globals(app, globals);
  add_common_globals(app, globals, "-v,--verbose,--debug", "Print findings, warnings and errors only");
}

// The last part of the path that it was called by.
std::string_view name_of_call(int argc, char** argv) {
  std::string_view path = argc > 0 ? argv[0] : "";
  if (const auto slash = path.rfind('/'); slash != std::string_view::npos) path.remove_prefix(slash + 1);
  return path;
}

int report(const Error& error, bool json) {
  const std::string text = render_error(error);
  std::fwrite(text.data(), 1, text.size(), stderr);
  // The exit code already tells of the failure: that the JSON could not be printed as well changes nothing.
  if (json) static_cast<void>(print(error_to_json(error).dump(2) + "\n"));
  return exit_code_of(error.code());
}

// The command that was found, as far as it goes: "davit pg dump".
struct Found {
  const CLI::App* command;
  std::string name;
};
Found find_command(const CLI::App& app) {
  Found found{&app, app.get_name()};
  while (!found.command->get_subcommands().empty()) {
    found.command = found.command->get_subcommands().front();
    found.name += " " + found.command->get_name();
  }
  return found;
}

// What the parser found wrong, in our own form: its messages are sentences.
std::string describe(const CLI::App& app, const CLI::App& command, const CLI::ParseError& error) {
  const std::vector<std::string> rest = app.remaining(true);
  if (!rest.empty() && command.get_require_subcommand_min() > 0)
    return "no such command: " + escape_for_display(rest.front());
  std::string text = error.what();
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0)
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  if (text.starts_with("A ")) text[0] = 'a';
  while (text.ends_with('.') || text.ends_with('\n')) text.pop_back();
  return text;
}

// What CLI11 throws: help and version are no errors, and everything else is the user's usage.
int report_parse(const CLI::App& app, const CLI::ParseError& error, bool json) {
  if (error.get_exit_code() == 0) return app.exit(error) == 0 ? kExitDone : 1;
  const Found found = find_command(app);
  return report(Error(Errc::usage, describe(app, *found.command, error), "`" + found.name + " --help` shows the usage"),
                json);
}

int run_checked(int argc, char** argv) {
  if (auto filled = fill_standard_streams(); !filled) return report(filled.error(), false);
  // Not a command for people: what davit runs in its helper containers. It has its own signals and no variables.
  if (argc > 1 && std::string_view(argv[1]) == "helper") {
    auto served = helper::serve({argv + 2, argv + argc});
    return served ? kExitDone : report(served.error(), false);
  }

  if (argc > 1 && std::string_view(argv[1]) == "guard") {
    auto kept = guard({argv + 2, argv + argc});
    return kept ? kExitDone : report(kept.error(), false);
  }

  // As `bak`, the binary has exactly the commands of `davit pg`; as `backup`, it is `bak backup`.
  std::vector<char*> words(argv, argv + argc);
  std::string implied = "backup";
  const bool is_backup = name_of_call(argc, argv) == implied;
  const bool is_bak = is_backup || name_of_call(argc, argv) == "bak";
  if (is_backup) words.insert(words.begin() + 1, implied.data());
  const std::string called = is_bak ? "bak" : "davit";
  Globals globals;
  globals.environment = Environment::of_process();
  // What stands behind `--` is a command line of others, whatever it looks like.
  const bool is_entrypoint = !is_bak && words.size() > 1 && std::string_view(words[1]) == "entrypoint";
  std::vector<std::string> behind;
  if (const auto dashes = std::ranges::find(words, std::string_view("--")); is_entrypoint && dashes != words.end()) {
    behind.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
  }
  std::unique_ptr<SignalStop> signals;
  if (!is_entrypoint) {
    auto installed = SignalStop::install();
    if (!installed) return report(installed.error(), false);
    signals = *std::move(installed);
    globals.stop = signals->token();
  }

  CLI::App app(is_bak ? "bak dumps PostgreSQL databases, keeps them in S3, and restores them."
                      : "davit backs up a whole Docker Compose stack as one restore point, and brings it back.",
               called);
  app.set_version_flag("--version", called + " " DAVIT_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  Action chosen;
  if (is_bak) {
    app.footer(render_exit_codes);
    add_bak_globals(app, globals);
    add_pg_commands(app, globals, chosen);
  } else {
    app.footer(render_footer);
    add_globals(app, globals);
    add_backup(app, globals, chosen);
    add_restore(app, globals, chosen);
    add_ls(app, globals, chosen);
    add_show(app, globals, chosen);
    add_verify(app, globals, chosen);
    add_export(app, globals, chosen);
    add_import(app, globals, chosen);
    add_pg(app, globals, chosen);
    add_pgbackrest(app, globals, chosen);
    add_init(app, globals, chosen);
    add_db(app, globals, chosen);
    add_entrypoint(app, globals, chosen, behind);
    add_install(app, globals, chosen);
  }
  try {
    app.parse(static_cast<int>(words.size()), words.data());
  } catch (const CLI::ParseError& error) {
    // A command line that can't be parsed may not have got as far as its --json.
    return report_parse(app, error, std::ranges::contains(words, std::string_view("--json")));
  }
  // It has signals of its own, which a SignalStop would take away.
  if (signals && !is_bak && app.got_subcommand("entrypoint"))
    return report(Error(Errc::usage, "entrypoint is not the first word", "write the options behind it"), globals.json);
  set_log_level(globals.verbose ? LogLevel::debug : globals.quiet ? LogLevel::quiet : LogLevel::warning);
  if (auto known = check_variables(globals.environment); !known) return report(known.error(), globals.json);
  auto code = chosen();
  return code ? *code : report(code.error(), globals.json);
}

}  // namespace

Result<> print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    return fail_errno(errno, "write to standard output");
  return {};
}

Result<> print_outcome(std::string_view text, std::string_view done) {
  auto printed = print(text);
  if (printed) return printed;
  return fail(printed.error().code(), std::string(done) + ", but " + printed.error().message(),
              "nothing has to be repeated: only the report is lost");
}

int run(int argc, char** argv) {
  try {
    return run_checked(argc, argv);
  } catch (const std::exception& error) {
    return report(Error(Errc::bug, std::string("an exception came through: ") + error.what(),
                        "please report this with the command that you ran"),
                  false);
  }
}

}  // namespace davit::cli
