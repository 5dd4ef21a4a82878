#pragma once
// What sources share that work with a server's own tools in its container: which process is the server, and how a tool
// that fails is told.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/command.hpp"

namespace davit::sources {

// A process of a container.
struct FoundProcess {
  std::string user;               // numbers of its user and group, "911:911"
  std::vector<std::string> argv;  // with the program's name
};
// The first process of that name (as in /proc/PID/comm, cut after 15 bytes); nothing if none runs there.
[[nodiscard]] Result<std::optional<FoundProcess>> find_process(engine::Engine& engine,
                                                               const engine::ContainerId& container,
                                                               std::string_view name, RunContext& run);

// Of a tool that ended with an exit code other than 0. `without`: the hint where there is no such program.
[[nodiscard]] Error tool_error(std::string_view what, std::string_view program, const engine::CommandOutcome& outcome,
                               std::string_view without);

}  // namespace davit::sources
