#pragma once
// pgBackRest, run beside the cluster that it backs up, as that cluster's user. Every command names the stanza. Its exit
// codes are those of its error.yaml.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "sources/pgbackrest/cluster.hpp"
#include "sources/pgbackrest/stanza.hpp"
#include "sources/pgbackrest/verify_report.hpp"

namespace davit::sources {

enum class BackupType { full, diff, incr };
[[nodiscard]] std::string_view name_of(BackupType type);
[[nodiscard]] Result<BackupType> parse_backup_type(std::string_view text);

class PgBackRest {
 public:
  // `stanza` is its name.
  PgBackRest(Cluster cluster, std::string stanza) : cluster_(std::move(cluster)), stanza_(std::move(stanza)) {}

  [[nodiscard]] const Cluster& cluster() const { return cluster_; }
  [[nodiscard]] const std::string& stanza() const { return stanza_; }

  // Errors as of parse_stanza(). `set`: also what only its own record holds, such as tablespaces.
  [[nodiscard]] Result<Stanza> info(RunContext& run, const std::string& set = {}) const;
  struct Made {
    BackupSet set;
    std::vector<std::string> warnings;
    bool became_full = false;        // there was nothing that the type that was asked for could build on
    bool timeline_switched = false;  // the cluster was restored or promoted since: all files were read
  };
  // The set that was made is looked up behind it. The server writes its checkpoint at once, unless pgBackRest's
  // configuration has a word of its own about it. Errc::locked: another one is under way, and is so still after
  // `lock_wait`.
  [[nodiscard]] Result<Made> backup(BackupType type, RunContext& run,
                                    std::chrono::seconds lock_wait = std::chrono::seconds(0)) const;
  [[nodiscard]] Result<VerifyReport> verify(RunContext& run) const;
  // Makes the server finish its current segment, and waits until it is in the archive.
  [[nodiscard]] Result<> check(RunContext& run) const;
  // Any other command of it, such as {"restore", "--delta"}. What it warns of is returned.
  [[nodiscard]] Result<std::vector<std::string>> command(std::vector<std::string> arguments, std::string_view doing,
                                                         RunContext& run) const;

 private:
  [[nodiscard]] std::vector<std::string> argv(std::vector<std::string> arguments) const;
  [[nodiscard]] Result<bool> says_how_to_start(RunContext& run) const;

  Cluster cluster_;
  std::string stanza_;
};

// What pgBackRest's end means, with what it said on stderr.
[[nodiscard]] Error pgbackrest_error(std::string_view doing, const engine::CommandOutcome& outcome);
// Its warnings, without their mark.
[[nodiscard]] std::vector<std::string> pgbackrest_warnings(std::string_view errors);

}  // namespace davit::sources
