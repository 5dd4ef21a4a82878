#include "net/pq/session.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>

#include "util/text.hpp"

namespace davit::net {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kStopInterval{200};
constexpr std::chrono::seconds kConnectTime{30};

struct FreeResult {
  void operator()(PGresult* result) const noexcept { ::PQclear(result); }
};
struct FreeOptions {
  void operator()(PQconninfoOption* options) const noexcept { ::PQconninfoFree(options); }
};
using Answer = std::unique_ptr<PGresult, FreeResult>;
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

std::string text_of(const char* text) { return text == nullptr ? std::string() : std::string(text); }

// Notices would go to standard error.
void drop_notice(void* /*unused*/, const PGresult* /*unused*/) noexcept {}

// A failed connection has no code that libpq would give out. Asked for verbose messages, it puts the server's into
// them: "FATAL:  28P01: password authentication failed for user "x"", and behind it a line that only developers of
// PostgreSQL want.
struct Complaint {
  std::string text;
  std::string sqlstate;  // empty: none came from a server
};
Complaint read_complaint(const std::string& message) {
  Complaint complaint;
  for (const std::string& line : split(trim(message), '\n')) {
    const std::string_view words = trim(line);
    if (words.starts_with("LOCATION:")) continue;
    std::string kept(words);
    // "SEVERITY:  CODE: text": the severity may be translated, the code is five digits or capitals.
    if (const auto colon = kept.find(":  "); colon != std::string::npos && kept.size() > colon + 9) {
      const std::string code = kept.substr(colon + 3, 5);
      if (kept[colon + 8] == ':' &&
          code.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos) {
        complaint.sqlstate = code;
        kept = kept.substr(0, colon) + ": " + std::string(trim(std::string_view(kept).substr(colon + 9)));
      }
    }
    complaint.text += (complaint.text.empty() ? "" : "\n") + kept;
  }
  return complaint;
}

Errc code_of(const Complaint& complaint, bool wants_password) {
  const std::string_view state = complaint.sqlstate;
  if (wants_password || state.starts_with("28") || state == "42501") return Errc::credentials;
  if (state == "3D000") return Errc::not_found;
  return Errc::unavailable;
}

std::string address_of(const PGconn* connection) {
  std::string host = text_of(::PQhost(connection));
  if (host.contains(':')) host = "[" + host + "]";
  return host + ":" + text_of(::PQport(connection));
}

Error explain_failure(const PGconn* connection) {
  const bool wants_password = ::PQconnectionNeedsPassword(connection) != 0;
  const Complaint complaint = read_complaint(text_of(::PQerrorMessage(connection)));
  const Errc code = code_of(complaint, wants_password);
  std::string hint;
  if (wants_password)
    hint = "set PGPASSWORD or PGPASSWORD_FILE, or keep the password in a .pgpass";
  else if (code == Errc::credentials)
    hint = "see that user and password are the server's, and that its pg_hba.conf lets this machine in";
  else if (code == Errc::unavailable && complaint.sqlstate.empty())
    hint = "see that the server runs, and that host and port are right";
  return {code, "connect to PostgreSQL: " + complaint.text, std::move(hint)};
}

// Waits until the socket is ready. Errc::unavailable behind the deadline.
Result<> wait_for(const PGconn* connection, short events, std::optional<Steady::time_point> deadline,
                  const std::stop_token& stop) {
  for (;;) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "cancelled");
    pollfd fd{::PQsocket(connection), events, 0};
    const int ready = ::poll(&fd, 1, static_cast<int>(kStopInterval.count()));
    if (ready < 0 && errno != EINTR) return fail_errno(errno, "poll");
    if (ready > 0) return {};
    if (deadline && Steady::now() >= *deadline)
      return fail(Errc::unavailable, "connect to PostgreSQL: " + address_of(connection) + " does not answer in time",
                  "see that the server runs, and that host and port are right");
  }
}

// Of `connect_timeout`, in seconds; 0 and less is for ever. libpq heeds it only where it waits by itself.
std::optional<Steady::time_point> deadline_of(const PGconn* connection) {
  const Options options(::PQconninfo(const_cast<PGconn*>(connection)));
  std::chrono::seconds limit = kConnectTime;
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (std::string_view(option->keyword) != "connect_timeout" || option->val == nullptr) continue;
    const std::string_view value = option->val;
    long seconds = 0;
    std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (!value.empty()) limit = std::chrono::seconds(std::max(seconds, 0L));
  }
  if (limit.count() == 0) return std::nullopt;
  return Steady::now() + limit;
}

Result<> finish_connecting(PGconn* connection, const std::stop_token& stop) {
  if (::PQstatus(connection) == CONNECTION_BAD) return std::unexpected(explain_failure(connection));
  ::PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  const auto deadline = deadline_of(connection);
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) return std::unexpected(explain_failure(connection));
    TRY(wait_for(connection, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline, stop));
    next = ::PQconnectPoll(connection);
  }
  ::PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
  return {};
}

// What the server says of a statement, without the statement itself, which may hold a secret.
std::string complaint_of(const PGresult* result) {
  std::string text = text_of(::PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  if (text.empty()) return std::string(trim(text_of(::PQresultErrorMessage(result))));
  text.insert(0, text_of(::PQresultErrorField(result, PG_DIAG_SEVERITY)) + ":  ");
  if (const char* detail = ::PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL))
    text += "\nDETAIL:  " + text_of(detail);
  if (const char* hint = ::PQresultErrorField(result, PG_DIAG_MESSAGE_HINT)) text += "\nHINT:  " + text_of(hint);
  return text;
}

Error query_error(const PGconn* connection, const PGresult* result) {
  std::string text =
      result != nullptr ? complaint_of(result) : std::string(trim(text_of(::PQerrorMessage(connection))));
  const Errc code = ::PQstatus(connection) == CONNECTION_BAD ? Errc::unavailable : Errc::failed;
  return {code, "query PostgreSQL: " + (text.empty() ? std::string("no answer") : std::move(text))};
}

}  // namespace

std::optional<std::string> pq_default(const std::string& keyword) {
  const Options options(::PQconndefaults());
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option)
    if (keyword == option->keyword && option->val != nullptr && *option->val != '\0') return std::string(option->val);
  return std::nullopt;
}

void PqSession::Close::operator()(pg_conn* connection) const noexcept { ::PQfinish(connection); }

Result<PqSession> PqSession::open(const PqParameters& parameters, const std::stop_token& stop) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  // A dbname is a name: a conninfo in it would lead elsewhere.
  PqSession session(::PQconnectStartParams(keywords.data(), values.data(), 0));
  PGconn* connection = session.connection_.get();
  if (connection == nullptr) return fail(Errc::failed, "connect to PostgreSQL: out of memory");
  ::PQsetNoticeReceiver(connection, drop_notice, nullptr);
  TRY(finish_connecting(connection, stop));
  if (::PQsetnonblocking(connection, 1) != 0) return std::unexpected(query_error(connection, nullptr));
  return session;
}

Result<PqSession::Rows> PqSession::query(const std::string& sql, const std::stop_token& stop) const {
  PGconn* connection = connection_.get();
  if (::PQsendQuery(connection, sql.c_str()) == 0) return std::unexpected(query_error(connection, nullptr));
  for (int unsent = ::PQflush(connection); unsent != 0; unsent = ::PQflush(connection)) {
    if (unsent < 0) return std::unexpected(query_error(connection, nullptr));
    TRY(wait_for(connection, POLLIN | POLLOUT, {}, stop));
    if (::PQconsumeInput(connection) == 0) return std::unexpected(query_error(connection, nullptr));
  }
  Rows rows;
  std::optional<Error> error;
  for (;;) {
    while (::PQisBusy(connection) != 0) {
      TRY(wait_for(connection, POLLIN, {}, stop));
      if (::PQconsumeInput(connection) == 0) return std::unexpected(query_error(connection, nullptr));
    }
    const Answer answer(::PQgetResult(connection));
    if (!answer) break;
    const ExecStatusType status = ::PQresultStatus(answer.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
      if (!error) error = query_error(connection, answer.get());
      if (::PQstatus(connection) == CONNECTION_BAD) break;
      continue;
    }
    const int columns = ::PQnfields(answer.get());
    for (int row = 0; row < ::PQntuples(answer.get()); ++row) {
      auto& fields = rows.emplace_back();
      for (int column = 0; column < columns; ++column) {
        if (::PQgetisnull(answer.get(), row, column) != 0)
          fields.emplace_back();
        else
          fields.emplace_back(std::string(::PQgetvalue(answer.get(), row, column),
                                          static_cast<std::size_t>(::PQgetlength(answer.get(), row, column))));
      }
    }
  }
  if (error) return std::unexpected(*std::move(error));
  return rows;
}

std::vector<PqSetting> PqSession::settings() const {
  std::vector<PqSetting> settings;
  const Options options(::PQconninfo(connection_.get()));
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    const std::string_view keyword = option->keyword;
    std::string value = text_of(option->val);
    // Of several hosts, the one that answered.
    if (keyword == "host") value = text_of(::PQhost(connection_.get()));
    if (keyword == "port") value = text_of(::PQport(connection_.get()));
    if (keyword == "hostaddr" && value.contains(',')) value = text_of(::PQhostaddr(connection_.get()));
    // A service is read by now, and with it stands what it says.
    if (value.empty() || keyword == "password" || keyword == "service" || keyword == "servicefile") continue;
    settings.push_back({std::string(keyword), text_of(option->envvar), std::move(value)});
  }
  return settings;
}

std::string PqSession::password() const { return text_of(::PQpass(connection_.get())); }

std::string PqSession::address() const { return address_of(connection_.get()); }

}  // namespace davit::net
