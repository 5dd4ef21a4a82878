#pragma once
// A program of this machine, with streams for its stdin and stdout. It gets a process group of its own, so that nothing
// of it (a shell's children, workers) goes on when it is given up.

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "stream/byte_stream.hpp"

namespace davit::stream {

struct Program {
  std::string path;               // of the executable: nothing is searched for
  std::vector<std::string> argv;  // the name it is called by, and its arguments
  std::vector<std::string> env;   // NAME=value, all of it
};
struct ProgramOutcome {
  int exit_code = 0;   // 128 + the signal that ended it
  std::string errors;  // the last 16 KiB of its stderr, trimmed, its lines escaped
};

// Runs it to its end. `in` is its stdin (null: there is none to read), and `out`, which is not finished by this, gets
// its stdout. An exit code other than 0 is an outcome; an error is when it can't be started (Errc::not_found if there
// is no such program), when a stream failed, or Errc::cancelled: then it is killed. If `in` fails, stdin is closed at
// that point, and its error is returned once the program has ended. That the program didn't read all of `in` is no
// error. Between two pieces of output or input a stop is noticed within half a second. REQUIRES: SIGPIPE is ignored.
[[nodiscard]] Result<ProgramOutcome> run_program(const Program& program, ByteSource* in, ByteSink& out,
                                                 const std::stop_token& stop = {});

// Where the program lies, if it is executable in one of the directories of `path` ("/usr/local/bin:/usr/bin").
[[nodiscard]] std::optional<std::string> find_program(std::string_view name, std::string_view path);

}  // namespace davit::stream
