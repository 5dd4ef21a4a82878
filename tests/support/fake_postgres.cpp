#include "support/fake_postgres.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace davit::test {
namespace {

constexpr std::string_view kHead = "PGDMP ";
constexpr std::string_view kTail = "\nEND OF DUMP\n";

std::string dump_of(const std::string& name, const std::string& text) {
  return std::string(kHead) + name + "\n" + text + std::string(kTail);
}
bool is_whole(const std::string& dump) { return dump.starts_with(kHead) && dump.ends_with(kTail); }
std::string name_in(const std::string& dump) { return dump.substr(kHead.size(), dump.find('\n') - kHead.size()); }
std::string text_in(const std::string& dump) {
  const std::size_t begin = dump.find('\n') + 1;
  return dump.substr(begin, dump.size() - kTail.size() - begin);
}

// "dbname='app'"
std::string database_of(const std::vector<std::string>& argv) {
  const auto option = std::ranges::find(argv, "-d");
  return option == argv.end() ? "" : split(*(option + 1), '\'').at(1);
}

}  // namespace

FakeOutcome psql_rows(const std::vector<std::vector<std::string>>& table) {
  std::string text;
  for (const auto& row : table) {
    for (const std::string& field : row)
      text += (&field == &row.front() ? "" : "|") + to_hex(std::as_bytes(std::span(field)));
    text += "\n";
  }
  return {.out = text};
}

FakePostgres::FakePostgres() { reset(); }

void FakePostgres::reset() {
  databases_.clear();
  for (const char* own : {"postgres", "template1"}) fill(own, "");
}

void FakePostgres::fill(const std::string& database, const std::string& text) {
  Database& filled = databases_[database];
  if (filled.oid == 0) filled.oid = ++oids_;
  filled.text = text;
}

std::map<std::string, std::string> FakePostgres::contents() const {
  std::map<std::string, std::string> texts;
  for (const auto& [name, database] : databases_)
    if (name != "postgres" && name != "template1") texts[name] = database.text;
  return texts;
}

FakeOutcome FakePostgres::answer(const FakeCommand& command) {
  const std::vector<std::string>& argv = command.argv;
  const std::string script = argv[0] == "sh" ? argv.at(2) : "";
  if (argv[0] == "pg_dumpall") return {.out = "CREATE ROLE postgres;\n"};
  if (argv[0] == "pg_dump") {
    const auto found = databases_.find(database_of(argv));
    if (found == databases_.end()) return {.exit_code = 1, .err = "no such database\n"};
    return {.out = dump_of(found->first, found->second.text)};
  }
  if (argv[0] == "pg_restore" && argv.at(1) == "--version") return {.out = "pg_restore (PostgreSQL) 17.5\n"};
  if (argv[0] == "pg_restore" && argv.at(1) == "-f")
    return is_whole(command.input) ? FakeOutcome{} : FakeOutcome{.exit_code = 1, .err = "unexpected end of file\n"};
  if (argv[0] == "pg_restore") return restore(command);
  if (argv[0] == "df") return {.out = "Filesystem 1024-blocks Used Available\n/dev/x 1000000 0 1000000\n"};
  if (argv[0] == "psql" && argv.back() == "-") return execute(command.input);
  if (argv[0] == "psql") return query(database_of(argv), argv.back());
  if (script.contains("pg_restore -C")) {
    if (!command.input.starts_with(kHead)) return {.exit_code = 80};
    return {.out = "CREATE DATABASE " + name_in(command.input) + ";\n"};
  }
  // The swap: what has not come to its last line is not run.
  if (script.contains("did not arrive whole"))
    return command.input.ends_with(argv.at(4)) ? execute(command.input) : FakeOutcome{.exit_code = 90};
  if (script.contains("PG_VERSION")) return {};
  return {.exit_code = 3, .err = "the fake server does not know this command\n"};
}

FakeOutcome FakePostgres::query(const std::string& asked, const std::string& sql) const {
  if (sql.contains("server_version_num")) return psql_rows({{"170005", "17.5", "postgres", "true", "false"}});
  if (sql.contains("((1)::text)")) return psql_rows({{"1"}});
  if (sql.contains("listen_addresses")) return psql_rows({{"*", "3600", "1"}});
  if (sql.contains("data_directory")) return psql_rows({{"/var/lib/postgresql/data"}});
  if (sql.contains("pg_available_extension_versions")) return psql_rows({{"plpgsql", "1.0"}});
  if (sql.contains("from pg_extension")) return psql_rows({{"plpgsql", "1.0"}});
  if (sql.contains("pg_largeobject_metadata")) return psql_rows({{databases_.at(asked).text.empty() ? "0" : "3"}});
  if (sql.contains("from pg_roles")) return psql_rows({{"postgres"}});
  if (sql.contains("from pg_tablespace where") || sql.contains("from pg_db_role_setting") ||
      sql.contains("from pg_stat_activity"))
    return {};
  if (sql.contains("from pg_tablespace")) return psql_rows({{"pg_default"}});
  if (sql.contains("from pg_database")) {
    std::vector<std::vector<std::string>> table;
    for (const auto& [name, database] : databases_)
      table.push_back({std::to_string(database.oid), name, std::to_string(database.text.size()), "true",
                       name == "template1" ? "true" : "false", "-1", "postgres", "UTF8", "C", "C", "c", "",
                       "pg_default"});
    return psql_rows(table);
  }
  return {.exit_code = 3, .err = "the fake server does not know this query\n"};
}

FakeOutcome FakePostgres::restore(const FakeCommand& command) {
  const std::string& dump = command.input;
  const auto found = databases_.find(database_of(command.argv));
  if (found == databases_.end()) return {.exit_code = 1, .err = "no such database\n"};
  const bool at_once = std::ranges::contains(command.argv, "--single-transaction");
  if (at_once && !found->second.text.empty() && !std::ranges::contains(command.argv, "--clean"))
    return {.exit_code = 1, .err = "relation already exists\n"};
  if (!is_whole(dump)) {
    if (!at_once) found->second.text = "half of something";
    return {.exit_code = 1, .err = "unexpected end of file\n"};
  }
  found->second.text = text_in(dump);
  return {};
}

FakeOutcome FakePostgres::execute(const std::string& script) {
  const bool transaction = script.starts_with("BEGIN;");
  auto changed = databases_;
  auto& databases = transaction ? changed : databases_;
  for (const std::string& line : split(script, '\n')) {
    const auto quoted = split(line, '"');
    if (!line.ends_with(';') || quoted.size() < 3) continue;  // cut off, or of no concern here
    const std::string& name = quoted.at(1);
    if (line.starts_with("CREATE DATABASE")) {
      if (databases.contains(name)) return {.exit_code = 3, .err = "database exists\n"};
      databases[name] = {.text = "", .oid = ++oids_};
    } else if (line.starts_with("DROP DATABASE")) {
      databases.erase(name);
    } else if (line.contains(" RENAME TO ")) {
      const std::string& to = quoted.at(3);
      if (!databases.contains(name)) return {.exit_code = 3, .err = "no such database\n"};
      if (databases.contains(to)) return {.exit_code = 3, .err = "database exists\n"};
      databases[to] = std::exchange(databases[name], {});
      databases.erase(name);
    }
  }
  if (transaction && script.contains("COMMIT;")) databases_ = std::move(changed);
  return {};
}

}  // namespace davit::test
