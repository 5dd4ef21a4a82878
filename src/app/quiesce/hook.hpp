#pragma once
// A service's own commands around the reading of its data (davit.before, davit.after), run in its container.

#include <optional>
#include <string>

#include "app/quiesce/plan.hpp"
#include "engine/engine.hpp"
#include "util/run_context.hpp"

namespace davit::app {

// Its own failure, if it has one: nothing is gained by running it again.
using HookFailure = std::optional<Error>;

// Runs it in the first container of the service that runs. Its failure is Errc::failed if it ended with an exit code
// other than 0 (with the end of what it printed), or can't be run there; Errc::unavailable if it takes longer than its
// time (it may run on: the Engine has no way to end it), or was cut off. An error means that it has not begun, as far
// as that can be seen, and may be tried again: the Engine's, or Errc::not_found if no container runs.
[[nodiscard]] Result<HookFailure> run_hook(engine::Engine& engine, const std::string& project,
                                           const std::string& service, const Hook& hook, RunContext& run);

}  // namespace davit::app
