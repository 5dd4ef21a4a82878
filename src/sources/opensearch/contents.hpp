#pragma once
// What a repository's own list of its contents, the file index-N, says of one snapshot. Its format is that of
// RepositoryData in the sources of OpenSearch and Elasticsearch.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace davit::sources {

struct SnapshotContents {
  std::set<std::string> indices;      // names
  std::set<std::string> directories;  // below indices/, that the snapshot has files in, where that is known
  std::set<std::string> others;       // below indices/, that only other snapshots have files in
};
// Pure. Errc::corrupt if it is no such list, or has no such snapshot.
[[nodiscard]] Result<SnapshotContents> parse_contents(std::string_view index_file, std::string_view uuid);

}  // namespace davit::sources
