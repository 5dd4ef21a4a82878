#include "sources/opensearch/client.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/scripted_server.hpp"
#include "support/skipping_clock.hpp"
#include "util/base64.hpp"

namespace davit::sources {
namespace {

constexpr std::string_view kSecret = "Geheim\"7";
constexpr std::string_view kIdentity =
    R"({"cluster_name":"c","cluster_uuid":"u","version":{"number":"2.19.4","distribution":"opensearch"}})";

// A server in a container, and everything that was run there.
class Bench {
 public:
  Bench() {
    engine_.on_command = [this](const test::FakeCommand& command) -> test::FakeOutcome {
      for (const std::string& argument : command.argv) CHECK_FALSE(argument.contains(kSecret));
      for (const std::string& variable : command.env) CHECK_FALSE(variable.contains(kSecret));
      if (command.argv[0] == "cat") return {.out = files.contains(command.argv[1]) ? files[command.argv[1]] : ""};
      if (!command.argv.at(2).contains("curl")) return {.out = known_ca};
      requests.push_back(command.input);
      return curl(command.input);
    };
  }
  std::function<test::FakeOutcome(const std::string& settings)> curl;
  std::map<std::string, std::string> files;
  std::string known_ca;  // what is there of the CAs of public images
  std::vector<std::string> requests;
  std::vector<std::string> env;
  engine::Labels labels;

  Result<SearchClient> connect(std::chrono::seconds patience = std::chrono::seconds(0)) {
    engine::ContainerInfo container;
    container.name = "shop-search-" + std::to_string(++containers_);
    container.image = "opensearchproject/opensearch:2";
    container.env = env;
    container.labels = labels;
    const auto id = engine_.add_container(container);
    RunContext run{.run_id = "1", .clock = clock, .reporter = reporter, .stop = {}};
    return SearchClient::connect_patiently(engine_, engine_.inspect_container(id).value(), patience, run);
  }
  test::SkippingClock clock;
  test::QuietReporter reporter;

 private:
  int containers_ = 0;
  test::FakeEngine engine_;
};

test::FakeOutcome answered(int status, std::string_view body) {
  return {.out = std::string(body) + "\n" + std::to_string(status)};
}

TEST_CASE("a server without TLS and users is asked as it is") {
  Bench bench;
  bench.env = {"OPENSEARCH_INITIAL_ADMIN_PASSWORD=" + std::string(kSecret)};
  bench.curl = [](const std::string&) { return answered(200, kIdentity); };
  const auto client = bench.connect();
  REQUIRE(client);
  CHECK(client->product().text() == "OpenSearch 2.19.4");
  CHECK(client->product().cluster_uuid == "u");
  CHECK(client->through_container());
  REQUIRE(bench.requests.size() == 1);
  CHECK_FALSE(bench.requests[0].contains("user ="));
}

TEST_CASE("over plain HTTP a password is sent only to a server that asks for one") {
  Bench bench;
  bench.env = {"OPENSEARCH_INITIAL_ADMIN_PASSWORD=" + std::string(kSecret)};
  bench.curl = [](const std::string& settings) {
    return settings.contains("user = \"admin:Geheim\\\"7\"") ? answered(200, kIdentity) : answered(401, "Unauthorized");
  };
  REQUIRE(bench.connect());
  REQUIRE(bench.requests.size() == 2);
  CHECK_FALSE(bench.requests[0].contains("user ="));
}

TEST_CASE("a server that hangs up on plain HTTP is asked with TLS, against the CA that its image has made") {
  Bench bench;
  bench.labels = {{"davit.search.password_file", "/run/secrets/search"}, {"davit.search.user", "backup"}};
  bench.files = {{"/run/secrets/search", std::string(kSecret) + "\n"}};
  bench.known_ca = "/usr/share/opensearch/config/root-ca.pem";
  bench.curl = [](const std::string& settings) -> test::FakeOutcome {
    if (settings.contains("http://")) return {.exit_code = 52, .err = "curl: (52) Empty reply from server\n"};
    if (!settings.contains("cacert = \"/usr/share/opensearch/config/root-ca.pem\"")) return {.exit_code = 60};
    return settings.contains("user = \"backup:Geheim\\\"7\"") ? answered(200, kIdentity) : answered(401, "");
  };
  CHECK(bench.connect());
  bench.known_ca.clear();
  const auto untrusted = bench.connect();
  REQUIRE_FALSE(untrusted);
  CHECK(untrusted.error().code() == Errc::credentials);
  CHECK(untrusted.error().hint().contains("davit.search.ca"));
}

TEST_CASE("what keeps a server from answering is told by its kind") {
  Bench bench;
  const auto error_of = [&](test::FakeOutcome outcome) {
    bench.curl = [&](const std::string&) { return outcome; };
    const auto client = bench.connect();
    REQUIRE_FALSE(client);
    return client.error();
  };
  CHECK(error_of({.exit_code = 7, .err = "curl: (7) refused"}).code() == Errc::unavailable);
  CHECK(error_of(answered(503, "OpenSearch Security not initialized.")).code() == Errc::unavailable);
  const Error unauthorized = error_of(answered(401, "Unauthorized"));
  CHECK(unauthorized.code() == Errc::credentials);
  CHECK(unauthorized.hint().contains("davit.search.password_file"));
  CHECK(error_of(answered(200, "<html>")).message().contains("neither OpenSearch nor Elasticsearch"));
  CHECK(error_of(answered(200, R"({"cluster_uuid":"_na_","version":{"number":"8.1.0"}})")).code() == Errc::unavailable);
  CHECK(error_of({.exit_code = 127, .err = "curl: not found"}).message() == "its container has no curl");
}

TEST_CASE("what answers in the server's place is not taken for it") {
  Bench bench;
  std::string body;
  bench.curl = [&](const std::string& settings) { return answered(200, settings.contains("/_x") ? body : kIdentity); };
  const auto client = bench.connect();
  REQUIRE(client);
  RunContext run{.run_id = "1", .clock = bench.clock, .reporter = bench.reporter, .stop = {}};
  for (const char* strange : {"", "null", "[]", "\"OK\"", "<html>"}) {
    body = strange;
    const auto got = client->get("/_x", run);
    REQUIRE_FALSE(got);
    CHECK(got.error().code() == Errc::unavailable);
    CHECK(got.error().hint().contains("davit.search.url"));
  }
  for (const char* strange : {"", "null", "{}"}) {
    body = strange;
    CHECK(client->rows("/_x", run).error().code() == Errc::unavailable);
  }
  body = "[]";
  CHECK(client->rows("/_x", run));
}

TEST_CASE("a server whose container has no curl is asked by davit itself, where a label says") {
  test::ScriptedServer server(
      [](const test::SeenRequest& request, std::size_t) -> test::Answer {
        const bool knows = std::ranges::any_of(request.headers, [](const net::Header& header) {
          return header.name == "Authorization" && header.value == "Basic " + encode_base64("admin:Geheim\"7");
        });
        if (!knows) return {.status = 401, .body = "Unauthorized"};
        if (request.target == "/") return {.body = std::string(kIdentity)};
        return {.body = "{\"method\":\"" + request.method + "\",\"sent\":" + request.body + "}"};
      },
      test::ScriptedServer::Listen::loopback);
  Bench bench;
  bench.env = {"OPENSEARCH_INITIAL_ADMIN_PASSWORD=" + std::string(kSecret)};
  bench.labels = {{"davit.search.url", "http://127.0.0.1:" + std::to_string(server.port()) + "/"}};
  bench.curl = [](const std::string&) -> test::FakeOutcome { return {.exit_code = 127, .err = "curl: not found"}; };
  const auto client = bench.connect();
  REQUIRE(client);
  CHECK_FALSE(client->through_container());
  // Over plain HTTP the password isn't sent before it is asked for.
  REQUIRE(server.seen().size() == 2);
  CHECK(std::ranges::none_of(server.seen()[0].headers,
                             [](const net::Header& header) { return header.name == "Authorization"; }));
  RunContext run{.run_id = "1", .clock = bench.clock, .reporter = bench.reporter, .stop = {}};
  const auto sent = client->send("PUT", "/books", {{"a", 1}}, run);
  REQUIRE(sent);
  CHECK((*sent)["method"] == "PUT");
  CHECK((*sent)["sent"]["a"] == 1);
}

TEST_CASE("one that has just been started is waited for") {
  Bench bench;
  int asked = 0;
  bench.curl = [&](const std::string&) -> test::FakeOutcome {
    if (++asked < 7) return {.exit_code = 7, .err = "curl: (7) refused"};
    return answered(200, kIdentity);
  };
  CHECK(bench.connect(std::chrono::seconds(60)));
  asked = -1000;
  CHECK(bench.connect(std::chrono::seconds(60)).error().code() == Errc::unavailable);
  CHECK(asked < -800);
}

}  // namespace
}  // namespace davit::sources
