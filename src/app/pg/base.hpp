#pragma once
// The use cases of `davit pg basebackup`, and of restoring such a backup: a whole cluster as files, in a directory or a
// bucket.

#include <string>
#include <vector>

#include "app/pg/dump_set.hpp"
#include "sources/basebackup/contents.hpp"
#include "sources/pgbackrest/server_control.hpp"
#include "stream/encoding.hpp"

namespace davit::app {

struct PgBaseOptions {
  stream::Encoding encoding = {};
  std::string staging = {};  // see sources::BaseOptions
};
struct PgBaseReport {
  std::string key;
  std::uint64_t bytes = 0;        // stored
  std::uint64_t plain_bytes = 0;  // unpacked
  std::vector<Finding> findings;
};
// REQUIRES: the server has its programs. After an error nothing is there.
[[nodiscard]] Result<PgBaseReport> take_base_set(const sources::Server& server, storage::Storage& storage,
                                                 const PgBaseOptions& options, RunContext& run);

// A base backup that was read to its end, and that is whole.
struct CheckedBase {
  std::string key;
  sources::BaseForm form = sources::BaseForm::plain;
  stream::Codec codec = stream::Codec::none;
  stream::Extent stored;
  stream::Extent plain;
  int major = 0;  // of the server; 0: unknown
  std::vector<sources::Tablespace> tablespaces;
};
// Errc::corrupt: it isn't what its digest, or its own manifest, says. Errc::usage: tablespaces without the record that
// says where they belong, and not in `locations` (number or name → directory), whose word counts in any case.
using Locations = std::map<std::string, std::string, std::less<>>;
[[nodiscard]] Result<CheckedBase> check_base_set(const storage::StorageReader& storage, const std::string& key,
                                                 const Locations& locations, RunContext& run);

struct PgBaseRestoreReport {
  std::string key;
  std::string service;  // or the container's name
};
// Puts it in place of the cluster of this container. Errc::exists if that holds data and `replace` isn't set, or if
// anything else is in the way; nothing was touched then. After an error behind that the old cluster is back.
[[nodiscard]] Result<PgBaseRestoreReport> restore_base_set(
    engine::Engine& engine, const engine::ContainerInfo& container, const sources::ControlOf& control_of,
    const storage::StorageReader& storage, const CheckedBase& base, bool replace, Journal& journal, RunContext& run);

}  // namespace davit::app
