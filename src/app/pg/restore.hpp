#pragma once
// The use case of `davit pg restore`: dumps of single databases, from a directory or a bucket, into a server.

#include <string>
#include <vector>

#include "app/pg/dump_set.hpp"
#include "sources/postgres/lone_restore.hpp"
#include "storage/storage.hpp"
#include "util/run_context.hpp"

namespace davit::app {

struct PgRestoreOptions {
  std::vector<std::string> databases = {};  // patterns; of each database, its newest dump is restored
  std::string dump = {};                    // the key of one dump; empty: chosen by `databases`
  enum class Into {
    automatic,  // a database that is missing is made, an empty one is filled; one that holds something is a conflict
    create,     // it must not be there
    existing,   // it must be there
  };
  Into into = Into::automatic;
  std::string as = {};  // the name that it gets; only for a single dump
  bool roles = true;
  sources::Filling filling = {};
};

struct PgRestoreReport {
  struct Database {
    std::string name;
    std::string key;
    bool created = false;
  };
  std::vector<Database> databases;
  std::vector<std::string> roles;  // that were made
};

// Everything is read and checked before anything is changed: Errc::corrupt for a dump that isn't whole, Errc::exists
// and Errc::not_found for databases that are there or aren't, Errc::not_found for no dump. Then one database after
// another; each is restored wholly or stays as it was (with several jobs into an existing one: it must be empty).
// REQUIRES: the server has its programs.
[[nodiscard]] Result<PgRestoreReport> restore_dumps(const sources::Server& server,
                                                    const storage::StorageReader& storage,
                                                    const PgRestoreOptions& options, RunContext& run);

}  // namespace davit::app
