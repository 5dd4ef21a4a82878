#pragma once
// What a search cluster holds gives way to what a backup holds, and comes back. Indices can't be renamed, so what is
// replaced is saved by a snapshot of its own before it is deleted (docs/decisions/0012). Each step goes by the entry of
// the journal, and may run again.

#include "sources/opensearch/directory.hpp"
#include "sources/opensearch/present.hpp"
#include "sources/opensearch/search_entry.hpp"

namespace davit::sources {

// What is in the cluster now under the names of `things`: fills in `old` and `blocked`.
void note_old(const SearchPresent& present, std::vector<SearchThing>& things);

// Nobody writes to what is replaced any more, and a snapshot has it. REQUIRES: entry.saved is a name, and recorded.
[[nodiscard]] Result<> save_old(const SearchClient& client, const SearchDirectory& directory, const SearchEntry& entry,
                                RunContext& run);
// REQUIRES: save_old() succeeded, and the step is recorded.
[[nodiscard]] Result<> delete_old(const SearchClient& client, const SearchEntry& entry, RunContext& run);

// As it was before: what the restore has made is gone, what it has deleted is there again, and can be written to. The
// snapshot that saved it and the repository of the backup's files are gone. What can be brought back is, even if
// something else can't; then that is the error, and the snapshot stays.
[[nodiscard]] Result<> lead_back(const SearchClient& client, const SearchEntry& entry, RunContext& run);
// It was decided: what was restored can be written to, and only that snapshot and that repository go.
[[nodiscard]] Result<> carry_on(const SearchClient& client, const SearchEntry& entry, RunContext& run);

}  // namespace davit::sources
