#pragma once
// What a search cluster holds: nodes, indices, data streams. Typed over the REST API of OpenSearch 2 and Elasticsearch
// 7.10 and newer, as far as both agree (their references: Nodes info, CAT indices, Data streams).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sources/opensearch/client.hpp"

namespace davit::sources {

struct SearchNode {
  std::string name;
  std::vector<std::string> repository_paths;  // path.repo
  std::vector<std::string> data_paths;        // where its indices lie
  int process = 0;                            // in its container
};
// `local`: only the one that is asked.
[[nodiscard]] Result<std::vector<SearchNode>> list_nodes(const SearchClient& client, bool local, RunContext& run);

struct SearchIndex {
  std::string name;
  std::string uuid;
  bool open = true;
  std::string health;                      // "green", "yellow", "red"; empty for one that is closed
  std::optional<std::uint64_t> documents;  // as its searchers see them, those nested in others included; nothing if
                                           // a shard is missing
  std::uint64_t bytes = 0;                 // of all copies of its shards
};
// All of them, hidden and closed ones included, by name.
[[nodiscard]] Result<std::vector<SearchIndex>> list_indices(const SearchClient& client, RunContext& run);
// Lets searchers see what was written before; what it can't be done for stays as it is. A server waits a minute for an
// index without its primary shards.
void refresh(const SearchClient& client, const std::vector<SearchIndex>& indices, RunContext& run);

struct DataStream {
  std::string name;
  std::vector<std::string> indices;
};
// None for a server that knows no data streams.
[[nodiscard]] Result<std::vector<DataStream>> list_streams(const SearchClient& client, RunContext& run);

// What a snapshot of davit's takes.
struct SearchChoice {
  std::vector<SearchIndex> indices;  // by name; those of the streams included
  std::vector<DataStream> streams;
  std::vector<std::string> closed;                       // names of what would be taken, but is closed
  std::vector<std::string> own;                          // names of what the server keeps for itself
  [[nodiscard]] std::vector<std::string> named() const;  // in the request: streams, and indices of no stream
};
// Pure. `patterns` as in the label davit.search.indices; without one that includes, all but the server's own.
[[nodiscard]] SearchChoice choose_indices(const std::vector<SearchIndex>& indices,
                                          const std::vector<DataStream>& streams,
                                          const std::vector<std::string>& patterns, bool opensearch);

// Names in the path of a request, as many at once as an address may hold.
[[nodiscard]] std::vector<std::string> path_batches(const std::vector<std::string>& names);

}  // namespace davit::sources
