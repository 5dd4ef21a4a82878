#pragma once
// Dumps as they lie in a directory or a bucket, each with its digest and its record beside it. Digest and record are
// stored first, so what bears a dump's name is a whole dump that can be held against them.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/pg/dump_name.hpp"
#include "sources/pgbackrest/stanza.hpp"
#include "sources/postgres/inventory.hpp"
#include "storage/storage.hpp"
#include "stream/encoding.hpp"
#include "util/run_context.hpp"

namespace davit::app {

// What is known of a dump beside its bytes.
struct DumpRecord {
  std::string database;
  std::string server_version;  // "17.5"
  sources::Extensions extensions;
  std::vector<sources::Tablespace> tablespaces = {};  // of a base backup
};
[[nodiscard]] std::string render_record(const DumpRecord& record);
[[nodiscard]] Result<DumpRecord> parse_record(std::string_view text);

// "<hex>  <file>\n", and back: the hex digits. Errc::corrupt for anything else.
[[nodiscard]] std::string render_digest(std::string_view sha256, std::string_view key);
[[nodiscard]] Result<std::string> parse_digest(std::string_view text);

// Stores what `produce` writes under `key`, with its digest, and its record if there is one. After an error nothing is
// there under any of the names.
using Produce = std::function<Result<>(stream::ByteSink& out)>;
[[nodiscard]] Result<stream::Extent> store_dump(storage::Storage& storage, const std::string& key,
                                                const std::optional<DumpRecord>& record, const Produce& produce);

struct StoredDump {
  std::string key;
  DumpName name;
  std::uint64_t bytes = 0;
  TimePoint modified;
};
// What lies in the directory or prefix itself. Not what lies further down: that may be another server's.
// Errc::not_found, naming what there is further down, if there is nothing else.
[[nodiscard]] Result<std::vector<storage::ObjectInfo>> list_level(const storage::StorageReader& storage);
// The dumps among it whose database matches one of the patterns (empty: all), by database, the newest last.
[[nodiscard]] Result<std::vector<StoredDump>> list_dumps(const storage::StorageReader& storage,
                                                         const std::vector<std::string>& patterns);

struct StoredServerSet {
  std::string key;
  ServerSetName name;
  std::uint64_t bytes = 0;
};
// The base backups and scripts of whole servers in the directory or prefix itself, the newest last.
[[nodiscard]] Result<std::vector<StoredServerSet>> list_server_sets(const storage::StorageReader& storage);

// A time that no name of `storage` bears yet, of those that `names` gives for it: names carry seconds, and one that was
// used already is let go by.
[[nodiscard]] Result<std::string> choose_time(const storage::Storage& storage,
                                              const std::function<std::string(std::string_view time)>& name,
                                              RunContext& run);

// The digest beside an object, and its record; nothing where there is none.
[[nodiscard]] Result<std::optional<std::string>> find_digest(const storage::StorageReader& storage,
                                                             const std::string& key);
[[nodiscard]] Result<std::optional<DumpRecord>> find_record(const storage::StorageReader& storage,
                                                            const std::string& key);

}  // namespace davit::app
