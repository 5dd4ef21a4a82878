#pragma once
// Taking one snapshot of named indices, which is whole or isn't there (REST API: Create, Get and Delete snapshot,
// snapshot status).

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sources/opensearch/cluster.hpp"

namespace davit::sources {

struct SnapshotRequest {
  std::string repository;
  std::string name;                   // lowercase
  std::vector<std::string> named;     // indices of no stream, and streams
  std::vector<std::string> expected;  // all indices
  nlohmann::json mark;                // what is written into it
};
struct TakenSnapshot {
  std::string uuid;
  std::uint64_t shards = 0;
  std::optional<std::uint64_t> files;  // of all shards, where the server tells
};

// Waits until it is done. Errc::failed with the reasons if it is not complete (state, shards, indices),
// Errc::unavailable if nothing moves for half an hour: then it is deleted. Errc::not_found if an index is gone by now.
[[nodiscard]] Result<TakenSnapshot> take_snapshot(const SearchClient& client, const SnapshotRequest& request,
                                                  RunContext& run);

// What keeps a snapshot, as GET _snapshot tells it, from being complete; empty if nothing does. Pure.
[[nodiscard]] std::string incomplete(const nlohmann::json& snapshot, const std::vector<std::string>& expected);

}  // namespace davit::sources
