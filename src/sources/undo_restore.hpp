#pragma once
// What the journal of a dead run holds of its restore is put right: led back, or, where the restore was decided,
// carried on to its end. What is right already is left alone, and every function may run again. Nobody else may be at
// work for that run: its helpers are ended first.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "helper/session.hpp"

namespace davit::sources {

// One entry of a kind below, in the run of whoever puts it right. REQUIRES: entries that were recorded later are
// settled. Gives lines for the user: "restore 4f2a: volume shop_uploads has its old contents again".
//   "volume": one that was made for the restore goes if it is empty, or if only a server of ours has filled it.
//   "place":  the old contents are put back; or the new ones stand and the old ones go.
//   "cluster": the same for databases; a one-off container is stopped and removed.
//   "search": the same for indices of a search cluster, through its running server.
//   "ldap": the same for the files of a directory server.
[[nodiscard]] Result<std::vector<std::string>> settle_restore(helper::Host& host, const nlohmann::json& entry,
                                                              bool decided, RunContext& run);

}  // namespace davit::sources
