#pragma once
// What pgBackRest says of a stanza: the JSON of `pgbackrest info`, which is stable, and whose exit code is 0 also for a
// stanza that doesn't exist (https://pgbackrest.org/command.html#command-info).

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace davit::sources {

struct BackupSet {
  std::string label;  // "20261121-231043F_20261121-231050D"
  std::string type;   // "full", "diff", "incr"
  std::string prior;  // the set that it builds on; empty for a full one
  std::chrono::sys_seconds start;
  std::chrono::sys_seconds stop;
  std::uint64_t database_bytes = 0;
  std::uint64_t delta_bytes = 0;       // of the database that were copied
  std::uint64_t repository_bytes = 0;  // of all files that a restore reads; 0: not said
  bool damaged = false;                // pages with wrong checksums were seen when it was made
  int repository = 1;
  int database = 1;  // which of the stanza's clusters: a new number for each upgrade
  std::string wal_start;
  std::string wal_stop;
  std::string lsn_stop;  // "0/5000050"; empty: not said
};

struct WalRange {
  std::string id;  // "17-1"
  int database = 1;
  int repository = 1;
  std::string min;  // names of segments; empty: none yet
  std::string max;
};

struct Tablespace {
  std::string name;
  std::uint32_t oid = 0;
  std::string location;
};

struct Stanza {
  std::string name;
  int status = 0;
  std::string message;
  std::vector<BackupSet> backups;  // the newest last
  std::vector<WalRange> archives;
  int database = 1;                                    // the newest of its clusters
  bool backup_runs = false;                            // a backup or an expiry holds the stanza's lock on that machine
  std::optional<std::vector<Tablespace>> tablespaces;  // of the set that was asked for by --set

  [[nodiscard]] const BackupSet* find(std::string_view label) const;
  // The segments of the newest cluster; nothing if none was archived.
  [[nodiscard]] const WalRange* archive() const;
};

// Errc::corrupt if it isn't that JSON. Errc::not_found for a stanza that is missing, Errc::failed for one of which
// pgBackRest says that something is wrong; one without backups is none.
[[nodiscard]] Result<Stanza> parse_stanza(std::string_view json, std::string_view name);

}  // namespace davit::sources
