#pragma once
// A PostgreSQL server: one in a container, spoken to by its own psql there, or any other that can be reached, spoken to
// by libpq. In a container, credentials are taken from its environment by a fragment of sh: they never leave it, and
// never stand in argv.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/pq/session.hpp"
#include "sources/postgres/programs.hpp"

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
  // By libpq, with what it is told and what it finds. A `dbname` among `parameters` or in PGDATABASE is the first
  // database that is tried. It has no programs until use_programs(). Errors as of PqSession::open().
  [[nodiscard]] static Result<Server> reach(net::PqParameters parameters, RunContext& run);
  // Errc::unavailable if these programs don't reach a server, or reach another one.
  [[nodiscard]] Result<> use_programs(Programs programs, RunContext& run);
  // Whether it lets us in now.
  [[nodiscard]] bool answers(RunContext& run) const;

  // Rows of select_text(expressions, rest) in this database.
  [[nodiscard]] Result<std::vector<Row>> query(std::string_view database, const std::vector<std::string>& expressions,
                                               std::string_view rest, RunContext& run) const;
  // Runs a script, which may hold secrets, statement by statement, up to the first that fails.
  [[nodiscard]] Result<> execute(std::string_view database, const std::string& script, RunContext& run) const;

  // PostgreSQL's programs, with the server's credentials in their environment. REQUIRES: it has some.
  [[nodiscard]] const Programs& programs() const { return *programs_; }
  // How it was reached: what other clients must be told; nothing of a server in a container.
  struct Reached {
    net::PqParameters parameters;
    std::vector<net::PqSetting> settings;
    std::string password;  // empty: none
  };
  [[nodiscard]] const std::optional<Reached>& reached() const { return reached_; }

  // "container 0123456789ab", "db.example:5432"
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] int version() const { return version_num_; }  // 150014
  [[nodiscard]] int major() const { return version_num_ / 10000; }
  [[nodiscard]] const std::string& version_text() const { return version_; }
  [[nodiscard]] const std::string& user() const { return user_; }
  [[nodiscard]] bool superuser() const { return superuser_; }
  [[nodiscard]] bool in_recovery() const { return in_recovery_; }
  // A database that answered, for what concerns the whole cluster: "postgres", or "template1" where there is none.
  [[nodiscard]] const std::string& database() const { return database_; }

 private:
  Server() = default;
  Result<> introduce(RunContext& run);
  [[nodiscard]] Result<std::vector<Row>> query_by_psql(std::string_view database, const std::string& sql,
                                                       std::size_t columns, RunContext& run) const;
  [[nodiscard]] Result<std::vector<Row>> query_by_libpq(std::string_view database, const std::string& sql,
                                                        std::size_t columns, RunContext& run) const;
  [[nodiscard]] Result<net::PqSession> open(std::string_view database, RunContext& run) const;

  std::optional<Programs> programs_;
  std::optional<Reached> reached_;  // nothing: it is spoken to by psql
  std::string address_;
  std::string database_;
  int version_num_ = 0;
  std::string version_;
  std::string user_;
  bool superuser_ = false;
  bool in_recovery_ = false;
};

// What psql said, without the statements that it shows ("LINE 1: …" and a mark below), which may hold secrets.
[[nodiscard]] std::string without_statement(std::string_view errors);

// `what` with what the command said; 126 and 127 name the missing program.
[[nodiscard]] Error command_error(std::string_view what, std::string_view program,
                                  const engine::CommandOutcome& outcome);

}  // namespace davit::sources
