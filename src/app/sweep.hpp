#pragma once
// Clearing away what dead runs have left. Every command that makes something on the Engine or
// in the repository begins with it, also one that only plans or verifies, as it makes helpers.

#include "engine/engine.hpp"
#include "storage/storage.hpp"
#include "util/run_context.hpp"

namespace davit::app {

// Removes helpers, one-off containers and staging of runs that are dead, and notes each thing. `storage` may be null.
[[nodiscard]] Result<> sweep_dead_runs(engine::Engine& engine, storage::Storage* storage, RunContext& run);

}  // namespace davit::app
