#pragma once
// Restoring indices from a snapshot, and waiting until their primary shards are there (REST API: Restore snapshot, CAT
// shards, CAT recovery).

#include <map>
#include <string>
#include <vector>

#include "sources/opensearch/cluster.hpp"

namespace davit::sources {

struct RecoveryRequest {
  std::string repository;
  std::string snapshot;
  std::vector<std::string> named;     // indices of no stream, and streams, as the snapshot has them
  std::vector<std::string> expected;  // indices that must come of it, as they are called in the snapshot
  std::string prefix = {};            // of their new names
};
// All of it, or nothing: what can't be restored under its name is refused by the server. Nobody can write to what comes
// of it (`index.blocks.write`), whatever blocks it had; set_blocks() gives it those that it is to have.
[[nodiscard]] Result<> begin_recovery(const SearchClient& client, const RecoveryRequest& request, RunContext& run);
// Errc::failed with the reason if a shard can't be restored, Errc::unavailable if nothing moves for half an hour.
[[nodiscard]] Result<> await_recovery(const SearchClient& client, const RecoveryRequest& request, RunContext& run);

// The state of the primary shards of these indices, from the answer of GET _cat/shards; pure.
struct ShardCount {
  std::uint64_t started = 0;
  std::uint64_t waiting = 0;
  std::string failure;  // why one of them won't come; empty: none is known to
};
[[nodiscard]] ShardCount count_primaries(const nlohmann::json& shards, const std::vector<std::string>& indices);

}  // namespace davit::sources
