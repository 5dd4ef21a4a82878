#pragma once
// What the journal of a dead run holds of a restore into a search cluster is put right.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "sources/opensearch/search_entry.hpp"
#include "sources/source.hpp"

namespace davit::sources {

// The server must run for it: Errc::unavailable otherwise, with what to do, unless its service has no container any
// more. Lines for the user.
[[nodiscard]] Result<std::vector<std::string>> settle_search(helper::Host& host, const nlohmann::json& entry,
                                                             bool decided, RunContext& run);

// The files that a run has placed go, and the directory that was made for them. REQUIRES: no repository of the cluster
// is there any more. Fine if they are gone.
[[nodiscard]] Result<> remove_placed(helper::Host& host, const std::string& place, const std::string& run_id,
                                     RunContext& run);

}  // namespace davit::sources
