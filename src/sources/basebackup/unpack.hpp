#pragma once
// Putting the contents of a base backup into the directories where a new cluster is made.

#include <map>
#include <string>
#include <vector>

#include "sources/basebackup/contents.hpp"
#include "sources/pgbackrest/cluster.hpp"
#include "sources/pgbackrest/stanza.hpp"

namespace davit::sources {

struct UnpackTarget {
  std::string data;                                             // directory, empty
  std::map<std::string, std::string, std::less<>> tablespaces;  // number → directory, empty
};
// By tar in the cluster's container, as its user. Reads `plain` to its verified end. Errc::corrupt for a tablespace
// that `target` doesn't have.
[[nodiscard]] Result<> unpack_base_backup(const Cluster& cluster, const UnpackTarget& target, BaseForm form,
                                          stream::ByteSource& plain, RunContext& run);

// Has the server find its tablespaces in these locations, whatever the backup says.
[[nodiscard]] Result<> write_tablespace_map(const Cluster& cluster, const std::string& data,
                                            const std::vector<Tablespace>& tablespaces, RunContext& run);
// What that file holds; pure. A backslash escapes what would end a line.
[[nodiscard]] std::string render_tablespace_map(const std::vector<Tablespace>& tablespaces);

// Makes the locations that are missing, each empty and the cluster user's own.
[[nodiscard]] Result<> make_locations(const Cluster& cluster, const std::vector<Tablespace>& tablespaces,
                                      RunContext& run);

}  // namespace davit::sources
