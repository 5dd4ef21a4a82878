#pragma once
// Both ways out of a restore of databases: back to the old ones, or on without them. Taken by the restore itself, and
// by whoever finds its journal when it is dead. Each may be tried again.

#include "sources/postgres/cluster_entry.hpp"

namespace davit::sources {

// The old databases have their names again, what was restored is dropped, roles are as they were, and what was made for
// it is gone. `answered`: it is known that no swap is under way any more. REQUIRES: entry.maintenance.
[[nodiscard]] Result<> lead_back(const Server& server, const ClusterEntry& entry, bool answered, RunContext& run);

// Drops the old databases. REQUIRES: they were swapped. Every one is tried; the error names the first that stays.
[[nodiscard]] Result<> drop_old(const Server& server, const ClusterEntry& entry, RunContext& run);

}  // namespace davit::sources
