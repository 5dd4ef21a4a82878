#include "sources/postgres/server.hpp"

#include <array>
#include <charconv>

#include "sources/postgres/client_setup.hpp"
#include "sources/postgres/sql_text.hpp"
#include "stream/memory_stream.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr int kSessionFailed = 2;  // psql's exit code for it

std::vector<std::string> psql(std::string_view database) {
  return {"psql", "-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-d", conninfo_of(database)};
}

Result<std::string> from_hex(std::string_view hex) {
  std::string bytes;
  if (hex.size() % 2 != 0) return fail(Errc::corrupt, "the server gave a field that is no hex");
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    unsigned char byte = 0;
    const auto [end, error] = std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    if (error != std::errc() || end != hex.data() + i + 2)
      return fail(Errc::corrupt, "the server gave a field that is no hex");
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

// One row of select_text().
Result<Row> decode_row(const std::vector<std::optional<std::string>>& fields, std::size_t columns) {
  Row row;
  for (const auto& field : fields) {
    if (!field || field == "-") {
      row.emplace_back();
      continue;
    }
    TRY_ASSIGN(bytes, from_hex(*field));
    row.emplace_back(std::move(bytes));
  }
  if (row.size() != columns)
    return fail(Errc::corrupt,
                "the server gave " + std::to_string(row.size()) + " fields instead of " + std::to_string(columns));
  return row;
}

// What libpq says in the C locale where no server is: another database makes no difference then.
bool nobody_listens(const Error& error) {
  const std::string& message = error.message();
  return message.contains("failed: No such file or directory") || message.contains("failed: Connection refused");
}

}  // namespace

std::string select_text(const std::vector<std::string>& expressions, std::string_view rest) {
  std::string sql = "select ";
  for (const std::string& expression : expressions) {
    if (&expression != &expressions.front()) sql += ", ";
    sql += "coalesce(encode(textsend((" + expression + ")::text), 'hex'), '-')";
  }
  return sql + " " + std::string(rest);
}

Result<std::vector<Row>> parse_rows(std::string_view out, std::size_t columns) {
  std::vector<Row> rows;
  if (out.ends_with('\n')) out.remove_suffix(1);
  if (out.empty()) return rows;
  for (const std::string& line : split(out, '\n')) {
    const auto fields = split(line, '|');
    TRY_ASSIGN(row, decode_row({fields.begin(), fields.end()}, columns));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string without_statement(std::string_view errors) {
  std::string kept;
  bool mark = false;
  for (const std::string& line : split(errors, '\n')) {
    const bool statement = line.starts_with("LINE ");
    if (!statement && !mark) kept += (kept.empty() ? "" : "\n") + line;
    mark = statement;
  }
  return kept;
}

Error command_error(std::string_view what, std::string_view program, const engine::CommandOutcome& outcome) {
  // pg_dumpall runs pg_dump, and says so if that is missing.
  const bool incomplete = outcome.errors.contains("was not found in the same directory");
  if (outcome.exit_code == 127 || (outcome.exit_code == 126 && outcome.errors.contains("not found")) || incomplete)
    return {Errc::not_found,
            std::string(what) + ": the container has no " + (incomplete ? "pg_dump" : std::string(program)),
            "use an image with PostgreSQL's client programs, or set the label davit.postgres=off on the service"};
  std::string why = outcome.errors.empty()
                        ? std::string(program) + " ended with exit code " + std::to_string(outcome.exit_code)
                        : outcome.errors;
  return {Errc::failed, std::string(what) + ": " + why};
}

Result<std::vector<Row>> Server::query_by_libpq(std::string_view database, const std::string& sql, std::size_t columns,
                                                RunContext& run) const {
  TRY_ASSIGN(session, open(database, run));
  TRY_ASSIGN(rows, session.query(sql, run.stop));
  std::vector<Row> decoded;
  for (const auto& fields : rows) {
    TRY_ASSIGN(row, decode_row(fields, columns));
    decoded.push_back(std::move(row));
  }
  return decoded;
}

Result<std::vector<Row>> Server::query_by_psql(std::string_view database, const std::string& sql, std::size_t columns,
                                               RunContext& run) const {
  auto argv = psql(database);
  argv.insert(argv.end(), {"-c", sql});
  // Names are bytes in whatever encoding their maker had: nothing may convert them on the way.
  TRY_ASSIGN(answer, programs().ask(std::move(argv), run, {"DAVIT_PG_ENCODING=SQL_ASCII"}));
  if (answer.outcome.exit_code == kSessionFailed)
    return fail(Errc::unavailable, "connect to PostgreSQL: " + answer.outcome.errors);
  if (answer.outcome.exit_code != 0) return std::unexpected(command_error("query PostgreSQL", "psql", answer.outcome));
  return parse_rows(answer.out, columns);
}

Result<std::vector<Row>> Server::query(std::string_view database, const std::vector<std::string>& expressions,
                                       std::string_view rest, RunContext& run) const {
  const std::string sql = select_text(expressions, rest);
  return reached_ ? query_by_libpq(database, sql, expressions.size(), run)
                  : query_by_psql(database, sql, expressions.size(), run);
}

Result<> Server::execute(std::string_view database, const std::string& script, RunContext& run) const {
  if (reached_) {
    TRY_ASSIGN(statements, split_statements(script));
    TRY_ASSIGN(session, open(database, run));
    // One by one: several in one message would be one transaction, and CREATE DATABASE wants none.
    for (const std::string& statement : statements) TRY(session.query(statement, run.stop));
    return {};
  }
  auto argv = psql(database);
  argv.insert(argv.end(), {"-f", "-"});
  stream::MemorySource in(script);
  TRY_ASSIGN(answer, programs().feed(std::move(argv), in, run));
  if (answer.outcome.exit_code == 0) return {};
  answer.outcome.errors = without_statement(answer.outcome.errors);
  return std::unexpected(command_error("run SQL in PostgreSQL", "psql", answer.outcome));
}

Result<> Server::introduce(RunContext& run) {
  TRY_ASSIGN(rows, query(database_,
                         {"current_setting('server_version_num')", "current_setting('server_version')", "current_user",
                          "(select rolsuper from pg_roles where rolname = current_user)", "pg_is_in_recovery()"},
                         "", run));
  if (rows.size() != 1) return fail(Errc::corrupt, "PostgreSQL did not say who it is");
  const Row& row = rows.front();
  const std::string number = row[0].value_or("");
  std::from_chars(number.data(), number.data() + number.size(), version_num_);
  version_ = row[1].value_or("");
  user_ = row[2].value_or("");
  superuser_ = row[3] == "true";
  in_recovery_ = row[4] == "true";
  return {};
}

Result<Server> Server::connect(engine::Engine& engine, const engine::ContainerId& container, RunContext& run) {
  struct Way {
    std::string_view system_user;
    bool over_tcp;
  };
  static constexpr std::array<Way, 3> kWays{{{"", false}, {"postgres", false}, {"", true}}};
  std::optional<Error> first;
  for (const Way& way : kWays) {
    for (const std::string_view database : {"postgres", "template1"}) {
      TRY(run.check());
      Server server;
      engine::Command base;
      base.user = way.system_user;
      base.setup = client_setup();
      base.env = client_environment();
      if (way.over_tcp) base.env.emplace_back("DAVIT_PG_TCP=1");
      server.programs_ = Programs::in_container(engine, container, std::move(base));
      server.address_ = server.programs_->place();
      server.database_ = database;
      auto met = server.introduce(run);
      if (met) return server;
      if (met.error().code() == Errc::not_found || met.error().code() == Errc::cancelled)
        return std::unexpected(std::move(met).error());
      const bool in_vain = nobody_listens(met.error());
      if (!first) first = std::move(met).error();
      if (in_vain) break;
    }
  }
  return std::unexpected(
      std::move(*first).hint_if_none("see whether the server runs (behind `davit db stop`: `davit db start`), and "
                                     "whether the password in the container's "
                                     "environment is still the right one"));
}

Result<net::PqSession> Server::open(std::string_view database, RunContext& run) const {
  net::PqParameters parameters = reached_->parameters;
  parameters["dbname"] = database;
  // Names are bytes in whatever encoding their maker had: nothing may convert them on the way.
  parameters["client_encoding"] = "SQL_ASCII";
  return net::PqSession::open(parameters, run.stop);
}

Result<Server> Server::reach(net::PqParameters parameters, RunContext& run) {
  std::vector<std::string> databases;
  if (const auto given = parameters.find("dbname"); given != parameters.end())
    databases.push_back(given->second);
  else if (const auto found = net::pq_default("dbname"))
    databases.push_back(*found);
  databases.insert(databases.end(), {"postgres", "template1"});
  parameters["fallback_application_name"] = "davit";
  const std::string own_options = net::pq_default("options").value_or("");
  parameters.try_emplace("options", (own_options.empty() ? "" : own_options + " ") + std::string(client_options()));
  Server server;
  std::optional<Error> first;
  for (std::string& database : databases) {
    server.reached_ = Reached{parameters, {}, {}};
    auto session = server.open(database, run);
    if (!session && session.error().code() == Errc::not_found) {
      if (!first) first = std::move(session).error();
      continue;
    }
    if (!session) return std::unexpected(std::move(session).error());
    server.reached_->settings = session->settings();
    server.reached_->password = session->password();
    server.address_ = session->address();
    server.database_ = std::move(database);
    TRY(server.introduce(run));
    return server;
  }
  return std::unexpected(*std::move(first));
}

Result<> Server::use_programs(Programs programs, RunContext& run) {
  programs_ = std::move(programs);
  // In another network the same name may be another host, and then another database would be dumped.
  const std::string who = select_text({"extract(epoch from pg_postmaster_start_time())", "version()"}, "");
  TRY_ASSIGN(ours, query_by_libpq(database_, who, 2, run));
  TRY_ASSIGN(theirs, in_context(query_by_psql(database_, who, 2, run), "PostgreSQL's tools in " + programs_->place()));
  if (ours == theirs) return {};
  return fail(
      Errc::unavailable,
      "PostgreSQL's tools in " + programs_->place() + " reach another server at " + address_ + " than davit does",
      "name the server by an address that is the same in both networks");
}

bool Server::answers(RunContext& run) const { return query(database_, {"1"}, "", run).has_value(); }

}  // namespace davit::sources
