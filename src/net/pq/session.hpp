#pragma once
// A session with a PostgreSQL server by libpq, which brings its own ways of being told what to connect to: PG*
// variables, .pgpass, services (https://www.postgresql.org/docs/current/libpq-connect.html). All waiting heeds a stop.

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "util/error.hpp"

struct pg_conn;

namespace davit::net {

// By libpq's keywords: "host", "port", "user", "password", "dbname" … What is missing, libpq finds by itself.
using PqParameters = std::map<std::string, std::string, std::less<>>;

// One that a session has in the end, wherever it came from.
struct PqSetting {
  std::string keyword;
  std::string variable;  // of the environment, that means the same to other clients; may be empty
  std::string value;
};

// What libpq would take for this keyword if it is not told: from its variable or a service, else its own default.
// Nothing if it has none.
[[nodiscard]] std::optional<std::string> pq_default(const std::string& keyword);

class PqSession {
 public:
  using Rows = std::vector<std::vector<std::optional<std::string>>>;  // nothing stands for null

  // Errc::credentials: the server doesn't let this user in, or wants a password that there is none of. Errc::not_found:
  // it has no such database. Errc::unavailable: no server answers, or it takes no sessions now, or `connect_timeout`
  // (30 s, unless it is set) has passed. Errc::usage: the parameters themselves. Errc::cancelled.
  [[nodiscard]] static Result<PqSession> open(const PqParameters& parameters, const std::stop_token& stop);

  // The rows of one statement, in the text format. Errc::failed with what the server says; Errc::unavailable if the
  // session broke.
  [[nodiscard]] Result<Rows> query(const std::string& sql, const std::stop_token& stop) const;

  // What it was opened with and what libpq found, but for the password, and with the very host that it speaks to.
  [[nodiscard]] std::vector<PqSetting> settings() const;
  // Given or found in a password file; empty: none.
  [[nodiscard]] std::string password() const;
  // "db.example:5432", "/run/postgresql:5432": for messages.
  [[nodiscard]] std::string address() const;

 private:
  struct Close {
    void operator()(pg_conn* connection) const noexcept;
  };
  explicit PqSession(pg_conn* connection) : connection_(connection) {}
  std::unique_ptr<pg_conn, Close> connection_;
};

}  // namespace davit::net
