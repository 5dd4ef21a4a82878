#include "net/http.hpp"

#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "net/line_sink.hpp"
#include "stream/memory_stream.hpp"
#include "support/scripted_server.hpp"

using namespace davit;
using namespace davit::net;
using test::Answer;
using test::ScriptedServer;

namespace {

HttpClient client_of(const ScriptedServer& server, bool reuse = true) {
  HttpOptions options;
  options.unix_socket = server.socket_path();
  options.reuse_connections = reuse;
  return HttpClient(options);
}

struct FailingSource : stream::ByteSource {
  std::size_t left = 100'000;
  Result<std::size_t> read(std::span<std::byte> into) override {
    if (left == 0) return fail(Errc::corrupt, "artefact is cut");
    const std::size_t size = std::min(left, into.size());
    left -= size;
    std::ranges::fill(into.first(size), std::byte{'x'});
    return size;
  }
};

struct FailingSink : stream::ByteSink {
  Result<> write(std::span<const std::byte>) override { return fail(Errc::failed, "disk is full", "free space"); }
  Result<> finish() override { return {}; }
};

struct ThrowingSink : stream::ByteSink {
  Result<> write(std::span<const std::byte>) override { throw std::runtime_error("out of luck"); }
  Result<> finish() override { return {}; }
};

}  // namespace

TEST_CASE("a request arrives as it was written, and its answer comes back", "[net][http]") {
  ScriptedServer server({Answer{.status = 418, .body = "short", .headers = {{"X-Answer", "yes"}}}});
  const auto response = client_of(server).send({.method = "POST",
                                                .url = "http://localhost/a/../b%2Fc?x=1",
                                                .headers = {{"X-Test", "1"}, {"Content-Type", "text/plain"}},
                                                .body = std::string("hello")});
  REQUIRE(response);
  CHECK(response->status == 418);
  CHECK(response->body == "short");
  CHECK(response->header("x-answer") == "yes");
  const auto seen = server.seen();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].method == "POST");
  CHECK(seen[0].target == "/a/../b%2Fc?x=1");
  CHECK(seen[0].body == "hello");
  CHECK(find_header(seen[0].headers, "X-Test") == "1");
  CHECK(find_header(seen[0].headers, "Content-Type") == "text/plain");
  CHECK_FALSE(find_header(seen[0].headers, "Expect"));
}

TEST_CASE("methods with and without a body", "[net][http]") {
  ScriptedServer server({Answer{}});
  const HttpClient client = client_of(server);
  for (const char* method : {"GET", "POST", "PUT", "DELETE"})
    REQUIRE(client.send({.method = method, .url = "http://localhost/"}));
  const auto seen = server.seen();
  REQUIRE(seen.size() == 4);
  CHECK(seen[0].method == "GET");
  CHECK(seen[1].method == "POST");
  CHECK(find_header(seen[1].headers, "Content-Length") == "0");
  CHECK(seen[2].method == "PUT");
  CHECK(seen[3].method == "DELETE");
  CHECK_FALSE(find_header(seen[1].headers, "Content-Type"));
  CHECK(server.connections() == 1);
}

TEST_CASE("a connection is kept only where that is wanted", "[net][http]") {
  ScriptedServer server({Answer{.body = "x"}});
  const HttpClient client = client_of(server, false);
  for (int i = 0; i < 3; ++i) REQUIRE(client.send({.url = "http://localhost/"}));
  CHECK(server.connections() == 3);
}

TEST_CASE("a body is streamed with and without its length", "[net][http]") {
  ScriptedServer server({Answer{}});
  const HttpClient client = client_of(server);
  const std::string data(1'000'003, 'd');
  stream::MemorySource known(data);
  stream::MemorySource unknown(data);
  REQUIRE(client.send({.method = "PUT", .url = "http://localhost/", .body = StreamedBody{&known, data.size()}}));
  REQUIRE(client.send({.method = "PUT", .url = "http://localhost/", .body = StreamedBody{&unknown, {}}}));
  const auto seen = server.seen();
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].body == data);
  CHECK(find_header(seen[0].headers, "Content-Length") == "1000003");
  CHECK(seen[1].body == data);
  CHECK(find_header(seen[1].headers, "Transfer-Encoding") == "chunked");
}

TEST_CASE("a body that is not what it was said to be is never sent whole", "[net][http]") {
  ScriptedServer server({Answer{}});
  const HttpClient client = client_of(server);
  const auto put = [&](stream::ByteSource& source, std::optional<std::uint64_t> length) {
    return client.send({.method = "PUT", .url = "http://localhost/", .body = StreamedBody{&source, length}});
  };
  stream::MemorySource shorter(std::string("12345"));
  auto response = put(shorter, 6);
  REQUIRE_FALSE(response);
  CHECK(response.error().message() == "body ends after 5 of 6 bytes");
  stream::MemorySource longer(std::string("1234567"));
  response = put(longer, 6);
  REQUIRE_FALSE(response);
  CHECK(response.error().message() == "body is longer than its length of 6");
  // A source that checks itself does so when it is asked for its end: also then nothing may look whole.
  FailingSource cut;
  response = put(cut, 100'000);
  REQUIRE_FALSE(response);
  CHECK(response.error().code() == Errc::corrupt);
  FailingSource chunked;
  response = put(chunked, std::nullopt);
  REQUIRE_FALSE(response);
  CHECK(response.error().message() == "artefact is cut");
  CHECK(server.seen().empty());
}

TEST_CASE("a cut answer is an error, wherever it is cut", "[net][http]") {
  for (const bool chunked : {false, true}) {
    for (const std::size_t cut : {0UL, 1UL, 50'000UL, 99'999UL, 100'000UL}) {
      if (!chunked && cut == 100'000) continue;  // then it is whole
      INFO(chunked << " " << cut);
      ScriptedServer server({Answer{.body = std::string(100'000, 'a'), .chunked = chunked, .cut_after = cut}});
      stream::MemorySink sink;
      const auto response = client_of(server).send({.url = "http://localhost/"}, sink);
      REQUIRE_FALSE(response);
      CHECK(response.error().code() == Errc::unavailable);
      CHECK(sink.contents().size() <= cut);
    }
  }
  ScriptedServer silent({Answer{.status = 0}});
  const auto response = client_of(silent).send({.url = "http://localhost/"});
  REQUIRE_FALSE(response);
  CHECK(response.error().code() == Errc::unavailable);
}

TEST_CASE("only a good answer reaches the sink", "[net][http]") {
  ScriptedServer server({Answer{.status = 500, .body = "broken"}, Answer{.body = "good"}});
  const HttpClient client = client_of(server);
  stream::MemorySink sink;
  auto response = client.send({.url = "http://localhost/"}, sink);
  REQUIRE(response);
  CHECK(response->status == 500);
  CHECK(response->body == "broken");
  CHECK(sink.contents().empty());
  response = client.send({.url = "http://localhost/"}, sink);
  REQUIRE(response);
  CHECK(sink.contents() == "good");
  CHECK_FALSE(sink.finished());
}

TEST_CASE("errors and exceptions of a sink come back through libcurl", "[net][http]") {
  ScriptedServer server({Answer{.body = "x"}});
  const HttpClient client = client_of(server);
  FailingSink failing;
  auto response = client.send({.url = "http://localhost/"}, failing);
  REQUIRE_FALSE(response);
  CHECK(response.error().message() == "disk is full");
  CHECK(response.error().hint() == "free space");
  ThrowingSink throwing;
  response = client.send({.url = "http://localhost/"}, throwing);
  REQUIRE_FALSE(response);
  CHECK(response.error().message().contains("out of luck"));
  CHECK(client.send({.url = "http://localhost/"}));
}

TEST_CASE("an answer is bounded", "[net][http]") {
  ScriptedServer server({Answer{.body = std::string(1001, 'a')}});
  const HttpClient client = client_of(server);
  CHECK(client.send({.url = "http://localhost/"}, {}, 1001));
  CHECK_FALSE(client.send({.url = "http://localhost/"}, {}, 1000));
}

TEST_CASE("a stop ends a request that nothing answers", "[net][http]") {
  auto gate = std::make_shared<test::Gate>();
  ScriptedServer server({Answer{.body = "ab", .stall_after = 1, .gate = gate}});
  std::stop_source stop;
  std::jthread stopper([&] {
    static_cast<void>(gate->reached());
    stop.request_stop();
  });
  const auto response = client_of(server).send({.url = "http://localhost/"}, stop.get_token());
  REQUIRE_FALSE(response);
  CHECK(response.error().code() == Errc::cancelled);
}

TEST_CASE("a time-out ends it, too", "[net][http]") {
  ScriptedServer server({Answer{.body = "ab", .stall_after = 1, .gate = std::make_shared<test::Gate>()}});
  const auto response = client_of(server).send({.url = "http://localhost/", .timeout = std::chrono::milliseconds(300)});
  REQUIRE_FALSE(response);
  CHECK(response.error().code() == Errc::unavailable);
}

TEST_CASE("a server that is not there is named with the reason", "[net][http]") {
  HttpOptions options;
  options.unix_socket = "/nonexistent/docker.sock";
  const auto response = HttpClient(options).send({.url = "http://localhost/"});
  REQUIRE_FALSE(response);
  CHECK(response.error().code() == Errc::unavailable);
  CHECK(response.error().message() == "connect /nonexistent/docker.sock: no such file or directory");
  const auto refused = HttpClient().send({.url = "http://127.0.0.1:1/"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() == "connect 127.0.0.1:1: connection refused");
}

TEST_CASE("headers can't be split", "[net][http]") {
  ScriptedServer server({Answer{}});
  const auto response = client_of(server).send({.url = "http://localhost/", .headers = {{"A", "b\r\nC: d"}}});
  REQUIRE_FALSE(response);
  CHECK(response.error().code() == Errc::usage);
}

TEST_CASE("lines are put together from pieces", "[net][lines]") {
  std::vector<std::string> lines;
  LineSink sink(
      [&](std::string_view line) -> Result<> {
        lines.emplace_back(line);
        return {};
      },
      10);
  const std::string text = "one\r\n\r\ntwo\nthree";
  for (const char& byte : text) REQUIRE(sink.write(std::as_bytes(std::span(&byte, 1))));
  REQUIRE(sink.finish());
  CHECK(lines == std::vector<std::string>{"one", "two", "three"});
  const std::string longer(11, 'x');
  CHECK_FALSE(sink.write(std::as_bytes(std::span(longer))));
}
