#pragma once
// What stands in the way of restoring a search cluster.

#include <string>
#include <vector>

#include "sources/opensearch/directory.hpp"
#include "sources/opensearch/search_entry.hpp"
#include "sources/source.hpp"

namespace davit::sources {

// The running container of one of an item's services, or nothing. Asked of the Engine, not of what was seen before.
[[nodiscard]] Result<std::optional<engine::ContainerInfo>> find_search_container(
    engine::Engine& engine, const std::string& project, const std::vector<std::string>& services);

// Read-only.
[[nodiscard]] Result<std::vector<Conflict>> check_search(helper::Host& host, const model::Item& item,
                                                         const Target& target, const SearchOptions& options,
                                                         RunContext& run);

// A snapshot is restored by the server's own version, or, if that is allowed, by a newer one that still reads it: of
// the same major version or the next. Pure.
[[nodiscard]] std::vector<Conflict> check_search_version(const model::Item& item, const SearchProduct& present,
                                                         bool allow_change);

// What of the item is restored, and as what.
struct SearchSelection {
  std::vector<std::string> named;                             // in the request
  std::vector<std::string> indices;                           // that come of it, as they are called in the snapshot
  std::vector<SearchThing> things;                            // as they will be called
  std::map<std::string, std::string, std::less<>> documents;  // new name → recorded count
};
// Pure. Errc::usage if a pattern of `options` fits nothing.
[[nodiscard]] Result<SearchSelection> select_indices(const model::Item& item, const SearchOptions& options);

// What is there under these names. `present` and `streams` are the cluster's. Pure.
[[nodiscard]] std::vector<Conflict> check_names(const SearchSelection& selection,
                                                const std::vector<SearchIndex>& present,
                                                const std::vector<DataStream>& streams);

}  // namespace davit::sources
