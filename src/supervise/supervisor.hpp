#pragma once
// The wrapper itself: the first process of a database container. It starts the image's entrypoint and stays when the
// server ends, if that was asked for. One thread, one loop: signals, the control socket and the clock go in, and what
// Machine says is done. It waits for nothing else, so that it always hears a signal.

#include <functional>
#include <string>
#include <string_view>

#include "supervise/processes.hpp"
#include "supervise/state.hpp"

namespace davit::supervise {

struct Duty {
  CommandLine command;
  OnExit on_exit = OnExit::exit;
  std::string socket;                         // its name, of control_name()
  std::function<void(std::string_view)> say;  // a line for the log of the container; must not block
  const Clock& clock;
};

// Runs until the container is to end, and returns the exit code for it: the child's, or 128 + the signal that ended it;
// 0 if it ends in maintenance. An error if the wrapper can't begin, or the first start can't be made. Blocks all
// signals of this process. REQUIRES: no other thread exists.
[[nodiscard]] Result<int> supervise(const Duty& duty);

}  // namespace davit::supervise
