#pragma once
// Runs a tool to its end, for tests that hold ours against it.

#include <string>
#include <vector>

namespace davit::test {

struct Finished {
  int exit_code = -1;  // 128 + the signal for one that was killed
  std::string output;  // standard output and standard error, as they came
};

// argv[0] is looked up in PATH; standard input is empty; the locale is C.
[[nodiscard]] Finished run_tool(const std::vector<std::string>& argv);

}  // namespace davit::test
