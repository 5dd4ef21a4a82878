#pragma once
// Setting pgBackRest up beside a server: its directories, its configuration, the server's archive settings. Each of
// them looks first, and changes nothing that is right.

#include <optional>
#include <string>
#include <vector>

#include "sources/pgbackrest/cluster.hpp"

namespace davit::sources {

struct SetupOptions {
  std::string stanza;
  std::optional<int>
      retention_full;  // full backups that are kept, with all that hangs on them; nothing: as it is, or 1
};

// The directories of repository, logs, spool and locks belong to the owner of the cluster. `programs` run as root, or
// as that owner, who can make them only where the directory above is his. Returns what was done.
[[nodiscard]] Result<std::vector<std::string>> make_directories(const Programs& programs, const Cluster& cluster,
                                                                RunContext& run);
// Read-only: pgBackRest is there, and the server hands its segments to nobody else. Errc::not_found, Errc::usage.
[[nodiscard]] Result<> check_setup(const Cluster& cluster, const SetupOptions& options, RunContext& run);
// The stanza's data directory and user, how many backups are kept, and that they begin at once (start-fast), stand in
// the environment or in the configuration file, or are written into that. Errc::usage if the file would go with the
// container, or if something else stands there: the message says what to set.
[[nodiscard]] Result<std::vector<std::string>> write_configuration(const Cluster& cluster, const SetupOptions& options,
                                                                   RunContext& run);
// Where the repository is, as pgBackRest's own options say it.
struct RepositoryPlace {
  std::string type;      // "posix", "s3", "azure", "gcs", "cifs", "sftp"
  std::string path;      // in the container, or behind the bucket
  std::string bucket;    // or container, as the type calls it; may be empty
  std::string endpoint;  // or account; may be empty
  std::string host;      // of a repository of another machine's pgBackRest; empty: none
  [[nodiscard]] bool is_local() const { return (type == "posix" || type == "cifs") && host.empty(); }
  [[nodiscard]] std::string text() const;  // "posix /var/lib/pgbackrest", "s3 backups at s3.example /shop"
};
[[nodiscard]] Result<RepositoryPlace> find_repository(const Cluster& cluster, RunContext& run);

// The server hands its segments to pgBackRest. Errc::usage if it hands them to something else.
struct ArchiveSettings {
  std::vector<std::string> done;
  bool needs_restart = false;
};
[[nodiscard]] Result<ArchiveSettings> set_archiving(const Cluster& cluster, const SetupOptions& options,
                                                    RunContext& run);

// What set_archiving() does about a server that has these settings; pure.
struct ArchivePlan {
  bool set_mode = false;
  bool set_command = false;
};
[[nodiscard]] Result<ArchivePlan> plan_archiving(std::string_view mode, std::string_view command,
                                                 std::string_view stanza);

}  // namespace davit::sources
