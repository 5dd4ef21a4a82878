#pragma once
// Commands in a container of the user's, run so that no byte of their output can be lost.
//
// The Engine cuts off the tail of an exec's stream when the process has ended and the reader stalls. So the command
// runs under `sh`, which prints a line with a random mark and the exit code behind the command's output and then waits
// for a line on its stdin. Whoever has seen the mark has seen everything that came before it; then the line is sent,
// the shell ends, and the exit code is held against the Engine's. The command and its arguments are passed as
// arguments, never as text of a script.

#include <chrono>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "util/run_context.hpp"

namespace davit::engine {

struct Command {
  std::vector<std::string> argv;
  std::vector<std::string> env =
      {};                  // NAME=value; seen by whoever may read the process's environment: no secrets of ours
  std::string user = {};   // empty: the container's
  std::string setup = {};  // a constant fragment of sh run first in the same shell, such as one that exports a password
                           // read from a file of the container; never built from data
  bool* begun = nullptr;   // set once its shell is seen to run: whatever fails then, the command has had its chance
};

struct CommandOutcome {
  int exit_code = 0;
  std::string errors;  // the last 16 KiB of its stderr, trimmed, its lines escaped; or what the Engine printed instead
};

// Runs it and writes its stdout to `out`, which is not finished by this. An exit code other than 0 is an outcome, not
// an error: an error is when the command could not be run or its output did not arrive whole (Errc::unavailable). 126
// and 127 with no output: it can't be started (`errors` says why).
[[nodiscard]] Result<CommandOutcome> run_command(Engine& engine, const ContainerId& container, const Command& command,
                                                 stream::ByteSink& out, RunContext& run);
// The same for a command with little output (at most `limit` bytes), which is returned.
struct CommandText {
  CommandOutcome outcome;
  std::string out;
};
[[nodiscard]] Result<CommandText> run_command_for_text(Engine& engine, const ContainerId& container,
                                                       const Command& command, RunContext& run,
                                                       std::size_t limit = 16U << 20U);
// The same for a command whose output only matters if it fails: of more than `limit` bytes the last are returned.
[[nodiscard]] Result<CommandText> run_command_for_tail(Engine& engine, const ContainerId& container,
                                                       const Command& command, RunContext& run, std::size_t limit);
// Runs it with `in` as its stdin, which is closed at the end of `in`. If `in` fails, stdin is closed at that point and
// the error of `in` is returned once the command has ended. What the command prints on stdout is returned (the
// last `limit` bytes). A command that ends before it has read everything is no error here: see its exit code.
[[nodiscard]] Result<CommandText> feed_command(Engine& engine, const ContainerId& container, const Command& command,
                                               stream::ByteSource& in, RunContext& run, std::size_t limit = 1U << 20U);

}  // namespace davit::engine
