#include "net/pq/session.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <thread>

#include "util/unique_fd.hpp"

namespace davit::net {
namespace {

// A message of the protocol (https://www.postgresql.org/docs/current/protocol-message-formats.html).
std::string message(char type, const std::string& body) {
  const std::size_t length = body.size() + 4;
  std::string text(1, type);
  for (const int shift : {24, 16, 8, 0}) text += static_cast<char>(length >> static_cast<unsigned>(shift));
  return text + body;
}
std::string refusal(const std::string& code, const std::string& words) {
  using namespace std::string_literals;
  return message('E', "SFATAL\0VFATAL\0C"s + code + "\0M"s + words + "\0Fpostinit.c\0L1\0Rf\0\0"s);
}
const std::string kWelcome = message('R', std::string(4, '\0')) + message('Z', "I");

// A server that answers each message of its one client with the next of its answers, and then closes.
class ScriptedPostgres {
 public:
  explicit ScriptedPostgres(std::vector<std::string> answers, bool silent = false)
      : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_.get(), 4) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = std::to_string(ntohs(address.sin_port));
    if (!silent)
      thread_ = std::jthread([this, answers = std::move(answers)](const std::stop_token& stop) {
        pollfd waiting{listener_.get(), POLLIN, 0};
        while (::poll(&waiting, 1, 50) == 0)
          if (stop.stop_requested()) return;
        const UniqueFd client(::accept(listener_.get(), nullptr, nullptr));
        for (const std::string& answer : answers) {
          char buffer[4096];
          if (::read(client.get(), buffer, sizeof buffer) <= 0) return;
          static_cast<void>(::write(client.get(), answer.data(), answer.size()));
        }
      });
  }
  [[nodiscard]] PqParameters parameters() const {
    return {{"host", "127.0.0.1"}, {"port", port_}, {"user", "ann"}, {"dbname", "shop"}, {"sslmode", "disable"}};
  }

 private:
  UniqueFd listener_;
  std::string port_;
  std::jthread thread_;
};

Error refused(const std::string& code, const std::string& words) {
  const ScriptedPostgres server({refusal(code, words)});
  auto session = PqSession::open(server.parameters(), {});
  REQUIRE_FALSE(session);
  return session.error();
}

TEST_CASE("a server's refusal is told by its code, whatever language its words are in") {
  const Error password = refused("28P01", "Passwort-Authentifizierung fehlgeschlagen");
  CHECK(password.code() == Errc::credentials);
  CHECK(password.message().starts_with("connect to PostgreSQL: "));
  CHECK(password.message().ends_with("FATAL: Passwort-Authentifizierung fehlgeschlagen"));
  CHECK_FALSE(password.hint().empty());
  CHECK(refused("28000", "no pg_hba.conf entry").code() == Errc::credentials);
  CHECK(refused("3D000", "database \"shop\" does not exist").code() == Errc::not_found);
  CHECK(refused("57P03", "the database system is starting up").code() == Errc::unavailable);
  CHECK(refused("53300", "sorry, too many clients already").code() == Errc::unavailable);
}

TEST_CASE("a password that is wanted and not there is missed") {
  // It asks for one in clear text.
  const ScriptedPostgres server({message('R', std::string("\0\0\0\3", 4))});
  auto parameters = server.parameters();
  parameters["passfile"] = "/nowhere";
  const auto session = PqSession::open(parameters, {});
  REQUIRE_FALSE(session);
  CHECK(session.error().code() == Errc::credentials);
  CHECK(session.error().hint().contains("PGPASSWORD_FILE"));
}

TEST_CASE("a port where nobody listens, and a server that goes away, are unavailable") {
  PqParameters nobody;
  {
    const ScriptedPostgres server({}, true);
    nobody = server.parameters();
  }
  CHECK(PqSession::open(nobody, {}).error().code() == Errc::unavailable);
  const ScriptedPostgres closes({""});
  CHECK(PqSession::open(closes.parameters(), {}).error().code() == Errc::unavailable);
  const ScriptedPostgres leaves({kWelcome, ""});
  const auto session = PqSession::open(leaves.parameters(), {});
  REQUIRE(session);
  CHECK(session->query("select 1", {}).error().code() == Errc::unavailable);
}

TEST_CASE("a server that says nothing is waited for as long as was asked for, or until somebody stops it") {
  const ScriptedPostgres server({}, true);
  auto parameters = server.parameters();
  parameters["connect_timeout"] = "1";
  const auto begun = std::chrono::steady_clock::now();
  const auto session = PqSession::open(parameters, {});
  REQUIRE_FALSE(session);
  CHECK(session.error().code() == Errc::unavailable);
  CHECK(session.error().message().contains("does not answer in time"));
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(10));

  std::stop_source stop;
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stop.request_stop();
  });
  CHECK(PqSession::open(server.parameters(), stop.get_token()).error().code() == Errc::cancelled);
}

TEST_CASE("rows come with their nulls, and what a server complains of is an error") {
  using namespace std::string_literals;
  const std::string row = message('D', "\0\2\0\0\0\3abc\377\377\377\377"s);
  const std::string columns = message(
      'T',
      "\0\2a\0\0\0\0\0\0\0\0\0\0\31\377\377\377\377\377\377\0\0b\0\0\0\0\0\0\0\0\0\0\31\377\377\377\377\377\377\0\0"s);
  const std::string complaint =
      message('E', "SERROR\0VERROR\0C42601\0Msyntax error\0P1\0Htry select\0\0"s) + message('Z', "I");
  const ScriptedPostgres server({kWelcome, columns + row + message('C', "SELECT 1\0"s) + message('Z', "I"), complaint});
  auto parameters = server.parameters();
  parameters["password"] = "secret";
  const auto session = PqSession::open(parameters, {});
  REQUIRE(session);
  const auto rows = session->query("select a, b", {});
  REQUIRE(rows);
  CHECK(*rows == PqSession::Rows{{"abc", std::nullopt}});
  const auto wrong = session->query("selekt", {});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code() == Errc::failed);
  // Without the statement, which may hold a secret.
  CHECK(wrong.error().message() == "query PostgreSQL: ERROR:  syntax error\nHINT:  try select");

  CHECK(session->password() == "secret");
  CHECK(session->address() == "127.0.0.1:" + parameters["port"]);
  bool has_user = false;
  for (const PqSetting& setting : session->settings()) {
    CHECK(setting.keyword != "password");
    if (setting.keyword == "user") has_user = setting.value == "ann" && setting.variable == "PGUSER";
  }
  CHECK(has_user);
}

}  // namespace
}  // namespace davit::net
