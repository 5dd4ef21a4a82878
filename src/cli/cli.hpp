#pragma once
// The command line. The only layer that knows arguments, prints, and turns an outcome into an exit code.

namespace davit::cli {

// Runs the command that the arguments name, and returns the exit code of the process (util/error.hpp has the table).
[[nodiscard]] int run(int argc, char** argv);

}  // namespace davit::cli
