#pragma once
// davit's own snapshot repository in a cluster, and what it holds. One cluster writes to it: that another one has, is
// seen before anything is done (REST API: Register, Verify and Delete snapshot repository, Cluster state).

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sources/opensearch/directory.hpp"

namespace davit::sources {

inline constexpr std::string_view kSearchRepository = "davit";

// A snapshot that davit has made, by what it has written into it.
struct OwnSnapshot {
  std::string name;
  std::string uuid;
  std::string state;    // "SUCCESS", "IN_PROGRESS", "PARTIAL", "FAILED"
  std::string cluster;  // its uuid
  std::string stack;
  std::string backup;  // the id of the backup that holds it; empty: it saves what a restore replaces
  std::int64_t started = 0;
  bool ours = false;  // davit has made it
};
[[nodiscard]] Result<std::vector<OwnSnapshot>> list_snapshots(const SearchClient& client, std::string_view repository,
                                                              RunContext& run);
// What davit writes into a snapshot that it makes.
[[nodiscard]] nlohmann::json snapshot_mark(const SearchClient& client, const std::string& stack,
                                           const std::string& backup);

// The generation of a repository: the N of its newest file index-N.
struct Generation {
  std::int64_t value = -1;  // -1: it holds nothing yet
  bool operator==(const Generation&) const = default;
};
// From the names of the files; pure.
[[nodiscard]] Generation newest_generation(const std::vector<std::string>& names);
// As the files have it.
[[nodiscard]] Result<Generation> generation_in_files(const SearchClient& client, const SearchDirectory& directory,
                                                     RunContext& run);

// Registers davit's repository where it isn't, and has every node write to it. Errc::usage if it can't be written,
// Errc::locked if another cluster has written to it or somebody else's snapshot is under way there, each with what to
// do. Aborts what a dead run of davit had begun.
[[nodiscard]] Result<> open_repository(const SearchClient& client, const SearchDirectory& directory,
                                       const std::string& stack, RunContext& run);

// Deletes davit's snapshots of this stack that no backup in `kept` holds. That it can't be done is noted: it is tried
// again at the next backup.
void prune_snapshots(const SearchClient& client, const std::string& stack, const std::vector<std::string>& kept,
                     RunContext& run);

[[nodiscard]] std::string snapshot_path(std::string_view repository, std::string_view snapshot = {});

}  // namespace davit::sources
