#pragma once
// What runs in the container around a command of command.hpp, and the marks by which its output is known to be whole.
// Shared with the tests' Engine, which has to behave like such a shell.
//
// On stdout: "<mark>\n", then the output, then "\n<mark> <exit code>\n". The shell prints the first line before
// anything else, so whatever stands before it is an error of the Engine's own: one that could not even start the shell.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/command.hpp"

namespace davit::engine {

// `waits`: the command's stdin is empty, and the shell waits for a line on its own, which is the acknowledgement.
// `feeds`: stdin is the command's; the shell takes what the command left of it, and ends at its end.
enum class ScriptKind { waits, feeds };

// argv of the exec: sh, the script, the mark and the command as arguments.
[[nodiscard]] std::vector<std::string> wrap_command(const Command& command, ScriptKind kind, const std::string& mark);
// The other way round, for whoever plays the container: Errc::usage if `argv` was not made by wrap_command.
struct WrappedCommand {
  ScriptKind kind = ScriptKind::waits;
  std::string mark;
  std::vector<std::string> argv;
};
[[nodiscard]] Result<WrappedCommand> unwrap_command(std::span<const std::string> argv);

}  // namespace davit::engine
