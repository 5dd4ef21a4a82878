#pragma once
// A PostgreSQL server in a container, spoken to by its own psql there. Credentials are taken from the container's
// environment by a fragment of sh inside the container: they never leave it, and never stand in argv.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/command.hpp"

namespace davit::sources {

// Fields are bytes as the server has them (they cross as hex, so any byte may be in them); nothing stands for null.
using Row = std::vector<std::optional<std::string>>;

// "select …" of these expressions, each made text and hex, followed by `rest` ("from pg_database order by 1").
[[nodiscard]] std::string select_text(const std::vector<std::string>& expressions, std::string_view rest);
// What psql -A -t prints for it. Errc::corrupt if it isn't rows of `columns` fields.
[[nodiscard]] Result<std::vector<Row>> parse_rows(std::string_view out, std::size_t columns);

class Server {
 public:
  // Finds out how the server lets us in: over its socket as the user that commands in the container have, else as the
  // system user postgres (peer authentication), else over 127.0.0.1. Errc::not_found: no psql there. Errc::unavailable:
  // no session, with what psql said.
  [[nodiscard]] static Result<Server> connect(engine::Engine& engine, const engine::ContainerId& container,
                                              RunContext& run);

  // Rows of select_text(expressions, rest) in this database.
  [[nodiscard]] Result<std::vector<Row>> query(std::string_view database, const std::vector<std::string>& expressions,
                                               std::string_view rest, RunContext& run) const;
  // Runs a script, which may hold secrets, statement by statement, up to the first that fails.
  [[nodiscard]] Result<> execute(std::string_view database, const std::string& script, RunContext& run) const;

  // A command in the container with the server's credentials in its environment.
  [[nodiscard]] engine::Command command(std::vector<std::string> argv) const;

  [[nodiscard]] engine::Engine& engine() const { return *engine_; }
  [[nodiscard]] const engine::ContainerId& container() const { return container_; }
  [[nodiscard]] int version() const { return version_num_; }  // 150014
  [[nodiscard]] int major() const { return version_num_ / 10000; }
  [[nodiscard]] const std::string& version_text() const { return version_; }
  [[nodiscard]] const std::string& user() const { return user_; }
  [[nodiscard]] bool superuser() const { return superuser_; }
  [[nodiscard]] bool in_recovery() const { return in_recovery_; }
  // A database that answered, for what concerns the whole cluster: "postgres", or "template1" where there is none.
  [[nodiscard]] const std::string& database() const { return database_; }

 private:
  Server(engine::Engine& engine, engine::ContainerId container) : engine_(&engine), container_(std::move(container)) {}
  Result<> introduce(RunContext& run);

  engine::Engine* engine_;
  engine::ContainerId container_;
  std::string system_user_;  // empty: the container's
  bool over_tcp_ = false;
  std::string database_;
  int version_num_ = 0;
  std::string version_;
  std::string user_;
  bool superuser_ = false;
  bool in_recovery_ = false;
};

// `what` with what the command said; 126 and 127 name the missing program.
[[nodiscard]] Error command_error(std::string_view what, std::string_view program,
                                  const engine::CommandOutcome& outcome);

}  // namespace davit::sources
