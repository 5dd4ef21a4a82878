#pragma once
// A PostgreSQL server as davit sees it through commands in its container: databases that hold one text each, which are
// dumped, restored, renamed and dropped. What it is asked beyond that, it answers as an empty server would.

#include <map>
#include <string>
#include <vector>

#include "support/fake_engine.hpp"

namespace davit::test {

// What psql prints of rows, as sources/postgres/server.hpp asks for them.
[[nodiscard]] FakeOutcome psql_rows(const std::vector<std::vector<std::string>>& table);

class FakePostgres {
 public:
  FakePostgres();
  // For FakeEngine::on_command.
  [[nodiscard]] FakeOutcome answer(const FakeCommand& command);

  // As a new server.
  void reset();
  // Makes the database where it is missing.
  void fill(const std::string& database, const std::string& text);
  // Of every database that isn't the server's own.
  [[nodiscard]] std::map<std::string, std::string> contents() const;

 private:
  struct Database {
    std::string text;
    int oid = 0;
  };
  [[nodiscard]] FakeOutcome query(const std::string& database, const std::string& sql) const;
  [[nodiscard]] FakeOutcome restore(const FakeCommand& command);
  [[nodiscard]] FakeOutcome execute(const std::string& script);
  int oids_ = 16384;
  std::map<std::string, Database> databases_;
};

}  // namespace davit::test
