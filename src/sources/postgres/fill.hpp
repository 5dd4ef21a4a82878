#pragma once
// Filling one database from an archive of pg_dump, by pg_restore.

#include <optional>
#include <string>
#include <vector>

#include "sources/postgres/server.hpp"

namespace davit::sources {

struct Filling {
  bool directory = false;  // the archive is a tar of the directory format; otherwise it is of the custom format
  int jobs = 1;            // more than one: the archive is put aside first, where pg_restore runs
  bool owners = true;
  bool acls = true;
  bool clean = false;    // what the archive holds is dropped first
  bool at_once = false;  // in one transaction: all of it or nothing. Not with several jobs
  // Nothing: the archive has no TimescaleDB. Otherwise its version; empty: whatever the server has.
  std::optional<std::string> timescale = {};

  // What pg_restore is told about owners and privileges.
  [[nodiscard]] std::vector<std::string> ownership() const;
};

// Reads the archive to its verified end, and computes statistics. Errc::failed with what pg_restore says. What
// TimescaleDB must be told before and behind it is told, also behind a failure. A failure behind the end of a
// transaction (`at_once`) says in its hint that the contents are there.
[[nodiscard]] Result<> fill_database(const Server& server, std::string_view database, const Filling& filling,
                                     stream::ByteSource& archive, RunContext& run);

// Databases that TimescaleDB takes for half restored, because whoever restored them never came to the end.
[[nodiscard]] Result<std::vector<std::string>> list_half_restored(const Server& server, RunContext& run);
// Tells TimescaleDB of the end in those in which nobody of davit is at work, and notes each, also where that fails.
[[nodiscard]] Result<> settle_half_restored(const Server& server, RunContext& run);

}  // namespace davit::sources
