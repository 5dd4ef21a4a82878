#pragma once
// Taking a base backup by the server's own pg_basebackup. Without tablespaces it streams, and needs no room anywhere:
// the segments of the log that it takes come behind the files, and a replication slot of its own keeps them on the
// server until then. pg_basebackup can't stream tablespaces: with them, everything is put aside first, in the directory
// that is mounted from `.db` of the repository, or else in the temporary directory where it runs. See
// docs/decisions/0011-a-base-backup-is-a-stream.md.

#include <string>
#include <vector>

#include "sources/basebackup/contents.hpp"
#include "sources/postgres/server.hpp"

namespace davit::sources {

struct BasePlan {
  BaseForm form = BaseForm::plain;
  std::map<std::string, std::string, std::less<>> tablespaces;  // name → location
  std::map<std::string, std::string, std::less<>> oids;         // name → number
  std::uint64_t bytes = 0;                                      // of all databases, as the server counts them
  std::vector<std::string> outside;  // configuration that lies elsewhere, and isn't in it: "config_file /etc/x.conf"
};
// Read-only. Errc::failed if no base backup of this server can be had: older than 13 (no manifest), its log says too
// little, the role may not.
[[nodiscard]] Result<BasePlan> plan_base_backup(const Server& server, RunContext& run);

struct BaseOptions {
  BaseForm form = BaseForm::plain;
  std::uint64_t bytes = 0;  // directory: what must be free there
  std::string staging;      // directory: where it is put aside; empty, or not writable: the temporary directory
};
struct BaseTaken {
  std::uint64_t members = 0;
  std::vector<std::string> warnings;
};
// Writes it to `out`, which is not finished by this. After an error, what came before it is worth nothing.
// Errc::unavailable if the server went away meanwhile.
[[nodiscard]] Result<BaseTaken> take_base_backup(const Server& server, const BaseOptions& options,
                                                 stream::ByteSink& out, RunContext& run);

}  // namespace davit::sources
