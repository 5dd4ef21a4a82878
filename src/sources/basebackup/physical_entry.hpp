#pragma once
// The replacement of a cluster's files in the journal of its run (docs/guard.md, the kind `physical`): enough to find
// the cluster again, whose own directory says how far it is.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "helper/session.hpp"
#include "sources/pgbackrest/server_control.hpp"

namespace davit::sources {

struct PhysicalEntry {
  std::string run;
  std::string project;    // of Compose; may be empty
  std::string service;    // or the name of the container
  std::string container;  // by id; of a service that doesn't run, as it was recorded
  bool ran = false;       // its server did, and is to run again
  bool fresh = false;     // its cluster lies on a volume that was made for the restore, and goes with that

  [[nodiscard]] std::string key() const { return "physical " + service; }
};

[[nodiscard]] nlohmann::json to_json(const PhysicalEntry& entry);
// Errc::corrupt for anything that to_json() does not write.
[[nodiscard]] Result<PhysicalEntry> physical_entry_from(const nlohmann::json& json);

// Puts right what a dead run has left: the old cluster is back and its server runs, or, where it was decided, the old
// files go. May run again. Lines for the user.
[[nodiscard]] Result<std::vector<std::string>> settle_physical_entry(engine::Engine& engine,
                                                                     const nlohmann::json& entry, bool decided,
                                                                     const ControlOf& control_of, RunContext& run);

}  // namespace davit::sources
