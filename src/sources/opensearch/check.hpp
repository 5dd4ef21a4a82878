#pragma once
// What stands in the way of restoring a search cluster.

#include <string>
#include <vector>

#include "sources/opensearch/client.hpp"
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

}  // namespace davit::sources
