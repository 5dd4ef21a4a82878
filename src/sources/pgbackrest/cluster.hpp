#pragma once
// Where a cluster's files are, and how programs are run beside them as the user that they belong to: in a container of
// the database, or on this machine, where davit itself runs in that container. A run as anybody else leaves files
// behind that keep the server's user out.

#include <string>
#include <vector>

#include "sources/postgres/programs.hpp"

namespace davit::sources {

class Cluster {
 public:
  // `programs` run as the owner of the cluster.
  Cluster(Programs programs, std::string data_directory)
      : programs_(std::move(programs)), data_directory_(std::move(data_directory)) {}

  // As Programs::ask(). Clients of PostgreSQL reach the cluster's server, as it is at the moment.
  [[nodiscard]] Result<engine::CommandText> ask(std::vector<std::string> argv, RunContext& run) const;
  [[nodiscard]] const Programs& programs() const { return programs_; }
  // Normally absolute; may be missing.
  [[nodiscard]] const std::string& data_directory() const { return data_directory_; }

 private:
  Programs programs_;
  std::string data_directory_;
};

// The cluster of a container that runs. It belongs to the user who runs its commands, or, where that is root, to the
// owner of the data directory, or else to the user postgres. Errc::not_found: there is neither.
[[nodiscard]] Result<Cluster> cluster_in_container(engine::Engine& engine, const engine::ContainerId& container,
                                                   RunContext& run);
// The one on this machine, with `env` (NAME=value) as the environment of the programs. REQUIRES: this process has the
// user of the cluster.
[[nodiscard]] Cluster cluster_on_this_machine(const std::vector<std::string>& env);

// PGDATA of an environment, or where the official image has it.
[[nodiscard]] std::string data_directory_of(const std::vector<std::string>& env);

// What one query answers: psql's lines, their fields parted by '|'. Errc::unavailable: no session.
[[nodiscard]] Result<std::string> ask_server(const Cluster& cluster, const std::string& sql, RunContext& run);

}  // namespace davit::sources
