#pragma once
// The use cases of `davit pg dumpall`, and of restoring such a script: all databases of a server with its roles, in the
// SQL of pg_dumpall.

#include <string>
#include <vector>

#include "app/pg/dump_set.hpp"
#include "sources/postgres/server.hpp"
#include "stream/encoding.hpp"

namespace davit::app {

struct PgScriptReport {
  std::string key;
  std::uint64_t bytes = 0;        // stored
  std::uint64_t plain_bytes = 0;  // as SQL
  std::vector<Finding> findings;
};
// REQUIRES: the server has its programs. After an error nothing is there.
[[nodiscard]] Result<PgScriptReport> dump_script(const sources::Server& server, storage::Storage& storage,
                                                 const stream::Encoding& encoding, RunContext& run);

struct PgScriptRestoreReport {
  std::string key;
  std::vector<std::string> databases;  // that were made
};
// Into a server that holds nothing yet: a script can't be led aside, and what it meets would be mixed with what it
// brings. Errc::exists, naming what there is, for any other. Errc::corrupt if it isn't whole. After an error behind
// that the databases and roles that came with it are dropped again.
[[nodiscard]] Result<PgScriptRestoreReport> restore_script(const sources::Server& server,
                                                           const storage::StorageReader& storage,
                                                           const std::string& key, RunContext& run);

}  // namespace davit::app
