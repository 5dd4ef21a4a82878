#pragma once
// What a restore has done, or is about to do, in a database server, as the journal of its run has it: enough to lead it
// back or to carry it on without the restore itself. Its statements may hold hashes of passwords.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "sources/postgres/swap.hpp"
#include "util/journal.hpp"

namespace davit::sources {

struct ClusterEntry {
  std::string run;
  std::string project;  // of Compose
  std::string service;
  std::string container;  // where its server runs: the service's, by id; or a one-off of ours, by name
  bool one_off = false;
  bool fresh = false;       // its cluster lies on a volume that was made for the restore, and goes with that
  std::string maintenance;  // a database that isn't restored; empty: nothing was done in the server yet
  std::vector<std::string> directories;  // made for tablespaces, each before those above it
  std::vector<std::string> roles;        // made by the restore, and tablespaces
  std::vector<std::string> tablespaces;
  std::vector<Replacement> replacements;
  bool swap_begun = false;
  std::vector<std::string> undo;  // statements that lead roles back, in the transaction that swaps back

  [[nodiscard]] std::string key() const { return "cluster " + service; }
};

[[nodiscard]] nlohmann::json to_json(const ClusterEntry& entry);
// Errc::corrupt for anything that to_json() does not write.
[[nodiscard]] Result<ClusterEntry> cluster_entry_from(const nlohmann::json& json);

}  // namespace davit::sources
