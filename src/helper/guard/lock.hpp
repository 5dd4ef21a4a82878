#pragma once
// Who holds the lock on a stack, and what becomes of the guards of dead runs.

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/own_labels.hpp"
#include "util/run_context.hpp"

namespace davit::helper {

struct Settled {
  std::optional<engine::ContainerInfo> holder;  // the guard of a run that lives; nothing: the guard is gone
  std::vector<std::string> lines;               // what a dead run's guard has put right
};

// Looks at a guard, and sees to its end if its run is dead: one that runs is waited for, one that does not is started,
// one that is done is removed. Errc::failed, quoting it, if it could not put everything right within a minute.
[[nodiscard]] Result<Settled> settle(engine::Engine& engine, const engine::IsAlive& is_alive,
                                     const engine::ContainerId& guard, RunContext& run);

// "stack shop is in the hands of run 0a1b (backup) since 2026-11-21 12:03:44 UTC, container davit-guard-shop"
[[nodiscard]] Error locked_by(const engine::ContainerInfo& guard);

}  // namespace davit::helper
