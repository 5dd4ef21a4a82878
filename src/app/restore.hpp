#pragma once
// The use case of `davit restore`: a plan first, then the new state or the old one, never a mix.

#include <chrono>
#include <vector>

#include "app/restore_plan.hpp"

namespace davit::app {

// What a service does when the restore has ended.
struct ServiceState {
  std::string name;
  std::size_t containers = 0;
  std::size_t running = 0;
  std::string health;  // "healthy", "starting", "unhealthy"; empty without a health check
  bool made = false;   // by this restore
  bool ran = false;    // at the backup
};

struct RestoreReport {
  RestorePlan plan;
  std::vector<Finding> findings;
  std::vector<ServiceState> services;  // of the backup, by name
  std::chrono::milliseconds took{};
};

// Plans, and refuses (Errc::exists, naming every conflict) or restores. After an error the old contents are in place
// again; if even that failed, the error says what is left where. A service that can't be started is an error, too,
// which says that the backup is restored.
[[nodiscard]] Result<RestoreReport> run_restore(helper::Host& host, const storage::StorageReader& storage,
                                                const SourceSet& sources, const RestoreOptions& options,
                                                RunContext& run);

}  // namespace davit::app
