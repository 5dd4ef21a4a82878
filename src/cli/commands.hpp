#pragma once
// The commands. Each adds itself to the parser with its own options, and leaves behind what is to be done if it is
// chosen: a function that returns the exit code, or the error that the process ends with.

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/globals.hpp"

namespace davit::cli {

using Action = std::function<Result<int>()>;

void add_backup(CLI::App& app, const Globals& globals, Action& chosen);
void add_restore(CLI::App& app, const Globals& globals, Action& chosen);
void add_ls(CLI::App& app, const Globals& globals, Action& chosen);
void add_show(CLI::App& app, const Globals& globals, Action& chosen);
void add_verify(CLI::App& app, const Globals& globals, Action& chosen);
void add_export(CLI::App& app, const Globals& globals, Action& chosen);
void add_import(CLI::App& app, const Globals& globals, Action& chosen);
void add_pg(CLI::App& app, const Globals& globals, Action& chosen);
void add_db(CLI::App& app, const Globals& globals, Action& chosen);
void add_install(CLI::App& app, const Globals& globals, Action& chosen);
// `behind` are the words behind `--`, which the parser never sees. Runs without a SignalStop: it has signals of its
// own.
void add_entrypoint(CLI::App& app, const Globals& globals, Action& chosen, const std::vector<std::string>& behind);

// Not a command for people: what davit runs in the container of a guard (docs/guard.md). `arguments` are those behind
// `davit guard`. An error leaves something to be put right.
[[nodiscard]] Result<> guard(const std::vector<std::string>& arguments);

// Writes to standard output. Errc::failed if it can't be written, such as on a full disk.
[[nodiscard]] Result<> print(std::string_view text);
// The report of what has been done, which stays done where the report can't be written: the error says so. `done`:
// "backup X was made".
[[nodiscard]] Result<> print_outcome(std::string_view text, std::string_view done);

}  // namespace davit::cli
