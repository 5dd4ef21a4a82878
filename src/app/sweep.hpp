#pragma once
// Clearing away what dead runs have left. Every command that makes something on the Engine or
// in the repository begins with it, also one that only plans or verifies, as it makes helpers.

#include "engine/engine.hpp"
#include "storage/storage.hpp"
#include "util/run_context.hpp"

namespace davit::app {

// The guards of dead runs put right what these have left, and go. Both what they did and what they could not
// do is told as a warning. The latter keeps only runs on that stack from working, which find the lock taken. An error:
// nothing is known of guards.
[[nodiscard]] Result<> repair_dead_runs(engine::Engine& engine, RunContext& run);

// The same, and then removes helpers, one-off containers and staging of runs that are dead, and notes each thing. What
// a guard has still to do with is left to it. `storage` may be null.
[[nodiscard]] Result<> sweep_dead_runs(engine::Engine& engine, storage::Storage* storage, RunContext& run);

// Ends and removes the helpers and one-off containers of one run, which is dead: for its guard.
[[nodiscard]] Result<> clear_run(engine::Engine& engine, const std::string& run_id);

}  // namespace davit::app
