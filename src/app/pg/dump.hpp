#pragma once
// The use case of `davit pg dump`: databases of one server, each by itself, into a directory or a bucket.

#include <optional>
#include <string>
#include <vector>

#include "app/pg/dump_set.hpp"
#include "sources/postgres/dump.hpp"
#include "sources/postgres/inventory.hpp"
#include "storage/storage.hpp"
#include "util/run_context.hpp"

namespace davit::app {

// Databases of the server that can be dumped and match a pattern (empty: all). Errc::not_found for a pattern that
// matches none. What can't be dumped is noted.
[[nodiscard]] Result<std::vector<sources::Database>> choose_databases(const sources::Server& server,
                                                                      const std::vector<std::string>& patterns,
                                                                      RunContext& run);

struct PgDumpOptions {
  std::vector<std::string> databases = {};  // patterns of `*` and `?`
  sources::DumpForm form = {};
};
struct PgDumpReport {
  struct Dump {
    std::string database;
    std::string key;
    std::uint64_t bytes = 0;
  };
  std::vector<Dump> dumps;
  std::string globals;  // their key
  std::vector<Finding> findings;
  // Where only a part was dumped: what became of the first of the others, and how many they are.
  std::optional<Error> failure;
  // Of the dumps and the globals.
  [[nodiscard]] std::vector<std::string> keys() const;
};
// One that fails doesn't keep the others from being dumped, and what was dumped stays. An error if there is nothing.
// REQUIRES: the server has its programs.
[[nodiscard]] Result<PgDumpReport> dump_databases(const sources::Server& server, storage::Storage& storage,
                                                  const PgDumpOptions& options, RunContext& run);

}  // namespace davit::app
