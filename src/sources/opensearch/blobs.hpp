#pragma once
// Which files of a repository one snapshot needs. For each shard a snapshot has a list, `snap-UUID.dat`, of the files
// (`__NAME`, in parts `__NAME.partN`) that hold its data, or whose data stand in the list itself (`v__NAME`). The list
// is SMILE, a binary form of JSON, in which texts stand as they are unless the repository is compressed.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace davit::sources {

struct BlobNames {
  std::set<std::string> files;  // without `.partN`
  std::uint64_t inlined = 0;    // names whose data stand in a list
};
// Of all lists, one behind the other. Pure.
[[nodiscard]] BlobNames parse_blob_names(std::string_view lists);

// "__NAME" of "__NAME.part3".
[[nodiscard]] std::string_view blob_stem(std::string_view file);

// Paths below `indices/` that only other snapshots need, of `present`: "ID/0/__NAME". Nothing if the lists don't name
// as many files as the server counts (`expected`): then they can't be read, and everything is kept. Pure.
[[nodiscard]] std::vector<std::string> unneeded_blobs(const BlobNames& names, std::optional<std::uint64_t> expected,
                                                      const std::vector<std::string>& present);

}  // namespace davit::sources
