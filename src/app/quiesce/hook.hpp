#pragma once
// A service's own commands around the reading of its data (davit.before, davit.after), run in its container.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "app/quiesce/plan.hpp"
#include "engine/engine.hpp"
#include "util/run_context.hpp"

namespace davit::app {

// Runs it in the first container of the service that runs. Errc::not_found if none does; Errc::failed if it ends with
// an exit code other than 0, with the end of what it printed; Errc::unavailable if it takes longer than its time (it
// may run on: the Engine has no way to end it).
[[nodiscard]] Result<> run_hook(engine::Engine& engine, const std::string& project, const std::string& service,
                                const Hook& hook, RunContext& run);

}  // namespace davit::app
