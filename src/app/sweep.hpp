#pragma once
// Clearing away what dead runs have left. Every command begins with it, on the Engine and in the repository.

#include "engine/engine.hpp"
#include "storage/storage.hpp"
#include "util/run_context.hpp"

namespace davit::app {

// Removes what dead runs have left in staging, and notes each thing. An error: something may be left there, such as in
// a repository that can't be written to.
[[nodiscard]] Result<> sweep_staging(storage::Storage& storage, const RunContext& run);

// The guards of dead runs put right what these have left, and go. Both what they did and what they could not do is told
// as a warning; the latter keeps only runs on that stack from working, which find the lock taken. Then removes helpers,
// one-off containers and staging of dead runs, and notes each thing; what a guard has still to do with is left to it.
// `storage` may be null.
[[nodiscard]] Result<> sweep_dead_runs(engine::Engine& engine, storage::Storage* storage, RunContext& run);

// Ends and removes the helpers and one-off containers of one run, which is dead: for its guard.
[[nodiscard]] Result<> clear_run(engine::Engine& engine, const std::string& run_id);

}  // namespace davit::app
