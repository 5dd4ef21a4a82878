#pragma once
// What of a backup's indices is restored, as what, and what of the cluster is in its way. Pure.

#include <map>
#include <string>
#include <vector>

#include "sources/opensearch/present.hpp"
#include "sources/opensearch/search_entry.hpp"
#include "sources/source.hpp"

namespace davit::sources {

// What of the item is restored, and as what.
struct SearchSelection {
  bool whole = true;                                          // nothing of it is left out
  std::vector<std::string> named;                             // in the request
  std::vector<std::string> indices;                           // that come of it, as they are called in the snapshot
  std::vector<SearchThing> things;                            // as they will be called
  std::map<std::string, std::string, std::less<>> documents;  // new name → recorded count
  std::vector<SearchAlias> aliases;                           // that come with them
};
// Errc::usage if a pattern of `options` fits nothing.
[[nodiscard]] Result<SearchSelection> select_indices(const model::Item& item, const SearchOptions& options);

// What is there under these names, and what would make the server refuse the restore, or the way back.
[[nodiscard]] std::vector<Conflict> check_names(const SearchSelection& selection, const SearchPresent& present);

// Attributes of an item: `documents.X`, `stream.X`, `alias.X`, `blocks.X` (docs/format.md).
inline constexpr std::string_view kDocumentsOf = "documents.";
inline constexpr std::string_view kStreamOf = "stream.";
inline constexpr std::string_view kAliasOf = "alias.";
inline constexpr std::string_view kBlocksOf = "blocks.";
// "a,b*": what an alias stands for, with a star behind the one that it writes to, which is no letter of a name.
[[nodiscard]] std::string render_alias(const SearchAlias& alias);
[[nodiscard]] SearchAlias parse_alias(std::string_view name, std::string_view text);

}  // namespace davit::sources
