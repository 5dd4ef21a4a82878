#pragma once
// The databases of a dead run's restore: see undo_restore.hpp. Their server may run in the service's container, perhaps
// in a newer one, or in a one-off container of the run, or nowhere any more.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "helper/session.hpp"

namespace davit::sources {

// Errc::unavailable if there is no server: the service must be started, and then it may be tried again.
[[nodiscard]] Result<std::vector<std::string>> settle_cluster(helper::Host& host, const nlohmann::json& entry,
                                                              bool decided, RunContext& run);

}  // namespace davit::sources
