#pragma once
// The use case of `davit restore`: a plan first, then the new state or the old one, never a mix.

#include <chrono>
#include <vector>

#include "app/restore_plan.hpp"

namespace davit::app {

struct RestoreReport {
  RestorePlan plan;
  std::vector<Finding> findings;
  std::chrono::milliseconds took{};
};

// Plans, and refuses (Errc::exists, naming every conflict) or restores. After an error the old contents are in place
// again; if even that failed, the error says what is left where.
[[nodiscard]] Result<RestoreReport> run_restore(engine::Engine& engine, const storage::StorageReader& storage,
                                                const SourceSet& sources, const RestoreOptions& options,
                                                RunContext& run);

}  // namespace davit::app
