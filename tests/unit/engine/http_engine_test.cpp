#include "engine/http_engine.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "stream/memory_stream.hpp"
#include "support/scripted_engine.hpp"

using namespace davit;
using namespace davit::engine;
using test::Answer;
using test::frame;
using test::ScriptedEngine;
using namespace std::chrono_literals;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// All output of a stream, or the error that it ends with.
Result<std::string> drain(AttachedStream& stream) {
  std::string text;
  for (;;) {
    TRY_ASSIGN(output, stream.next(std::chrono::steady_clock::now() + 20s));
    if (!output) return text;
    text.append(reinterpret_cast<const char*>(output->bytes.data()), output->bytes.size());
  }
}

}  // namespace

TEST_CASE("the version is agreed on, and then spoken", "[engine][http]") {
  ScriptedEngine old("1.41", "1.12");
  old.on("GET /containers/json", {Answer{.body = "[]"}});
  const auto engine = old.connect();
  REQUIRE(engine->list_containers({.labels = {"a=b", "c"}}));
  REQUIRE(old.calls().size() == 2);
  CHECK(old.calls()[1] == "GET /v1.41/containers/json?all=1&filters=%7B%22label%22%3A%5B%22a%3Db%22%2C%22c%22%5D%7D");
  CHECK(ScriptedEngine("1.52", "1.44").connect()->version()->api_version == "1.47");
  ScriptedEngine ancient("1.40", "1.12");
  const auto refused = HttpEngine::connect(ancient.address());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::usage);
  ScriptedEngine modern("1.60", "1.48");
  CHECK_FALSE(HttpEngine::connect(modern.address()));
  auto fixed = modern.address();
  fixed.api_version = "1.43";
  CHECK(HttpEngine::connect(fixed));
}

TEST_CASE("no Engine is an error in the words of the architecture", "[engine][http]") {
  const auto engine = HttpEngine::connect(
      {.unix_socket = "/nonexistent/docker.sock", .base_url = "http://localhost", .tls = {}, .api_version = {}});
  REQUIRE_FALSE(engine);
  CHECK(engine.error().code() == Errc::unavailable);
  CHECK(engine.error().message().ends_with("connect /nonexistent/docker.sock: no such file or directory"));
  CHECK(engine.error().hint() == "run davit as a container with the socket mounted, or join the docker group");
}

TEST_CASE("statuses become kinds of errors with the Engine's words", "[engine][http]") {
  ScriptedEngine scripted;
  const auto engine = scripted.connect();
  struct Case {
    int status;
    Errc code;
  };
  for (const auto& [status, code] :
       {Case{400, Errc::failed}, Case{403, Errc::credentials}, Case{404, Errc::not_found}, Case{409, Errc::failed},
        Case{500, Errc::unavailable}, Case{503, Errc::unavailable}}) {
    INFO(status);
    scripted.on("GET /containers/x/json", {Answer{.status = status, .body = R"({"message":"No such thing: x"})"}});
    const auto info = engine->inspect_container({"x"});
    REQUIRE_FALSE(info);
    CHECK(info.error().code() == code);
    CHECK(info.error().message() == "inspect container x: No such thing: x");
  }
  scripted.on("POST /containers/create", {Answer{.status = 409, .body = R"({"message":"in use"})"}});
  CHECK(engine->create_container("x", {{"Image", "i"}}).error().code() == Errc::exists);
  scripted.on("GET /containers/x/json", {Answer{.status = 502, .body = "<html>bad\x01gateway</html>"}});
  CHECK(engine->inspect_container({"x"}).error().message().contains("<html>bad\\x01gateway"));
}

TEST_CASE("a malformed answer is an error that names the call and shows none of it", "[engine][http]") {
  ScriptedEngine scripted;
  const auto engine = scripted.connect();
  for (const char* body :
       {"", "{", "[]", "null", "42", R"({"Id":7})", R"({"Id":"x","Config":{"Env":"PASSWORD=secret"}})",
        R"({"Id":"x","State":{"Running":"secret"}})", "{\"Id\":\"secret\xff\"}", R"({"Id":"secret)"}) {
    INFO(body);
    scripted.on("GET /containers/x/json", {Answer{.body = body}});
    const auto info = engine->inspect_container({"x"});
    REQUIRE_FALSE(info);
    CHECK(info.error().code() == Errc::failed);
    CHECK(info.error().message().starts_with("inspect container x: "));
    CHECK_FALSE(info.error().message().contains("secret"));
  }
  scripted.on("GET /containers/x/json", {Answer{.body = std::string(100, 'x'), .cut_after = 50}});
  CHECK(engine->inspect_container({"x"}).error().code() == Errc::unavailable);
}

TEST_CASE("odd names stay within their segment of the path", "[engine][http]") {
  ScriptedEngine scripted;
  const auto engine = scripted.connect();
  static_cast<void>(engine->inspect_volume("../../x?y#z a"));
  static_cast<void>(engine->inspect_image("host:5000/a/b:tag"));
  CHECK(scripted.calls()[1] == "GET /v1.41/volumes/..%2F..%2Fx%3Fy%23z%20a");
  CHECK(scripted.calls()[2] == "GET /v1.41/images/host:5000/a/b:tag/json");
}

TEST_CASE("a pull reports progress, and an error behind a 200 is an error", "[engine][http]") {
  ScriptedEngine scripted;
  const auto engine = scripted.connect();
  std::vector<std::string> notes;
  const auto note = [&](std::string_view text) { notes.emplace_back(text); };
  scripted.on(
      "POST /images/create",
      {Answer{.body = "{\"status\":\"Pulling from a/b\",\"id\":\"latest\"}\r\n"
                      "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":12100000,\"total\":30000000},"
                      "\"id\":\"3f4d\"}\r\n{\"status\":\"Status: done\"}\r\n",
              .chunked = true}});
  REQUIRE(engine->pull_image("a/b", note));
  CHECK(notes == std::vector<std::string>{"layer latest: pulling from a/b", "layer 3f4d: downloading 12.1 MB of 30 MB",
                                          "status: done"});
  CHECK(scripted.calls().back() == "POST /v1.41/images/create?fromImage=a%2Fb&tag=latest");
  scripted.on("POST /images/create",
              {Answer{.body = "{\"status\":\"Pulling\"}\n{\"errorDetail\":{\"message\":\"no route\"},"
                              "\"error\":\"no route\"}\n",
                      .chunked = true}});
  const auto failed = engine->pull_image("a/b", note);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message() == "pull image a/b: no route");
  auto gate = std::make_shared<test::Gate>();
  scripted.on("POST /images/create", {Answer{.body = "{}\n{}\n", .chunked = true, .stall_after = 3, .gate = gate}});
  std::stop_source stop;
  std::jthread stopper([&] {
    static_cast<void>(gate->reached());
    stop.request_stop();
  });
  CHECK(engine->pull_image("a/b", note, stop.get_token()).error().code() == Errc::cancelled);
}

TEST_CASE("an image is imported from a stream", "[engine][http]") {
  ScriptedEngine scripted;
  scripted.on("POST /images/create",
              {Answer{.body = "{\"status\":\"sha256:12\"}\n", .chunked = true}, Answer{.body = "{}\n"}});
  const auto engine = scripted.connect();
  stream::MemorySource tar(std::string(100'000, 't'));
  CHECK(engine->import_image(tar, "davit-helper:1", {"LABEL a=b c"}) == "sha256:12");
  CHECK(scripted.server().seen().back().body == std::string(100'000, 't'));
  CHECK(scripted.calls().back() ==
        "POST /v1.41/images/create?fromSrc=-&repo=davit-helper&tag=1&changes=LABEL%20a%3Db%20c");
  stream::MemorySource again(std::string("t"));
  CHECK_FALSE(engine->import_image(again, "davit-helper:1", {}));
}

TEST_CASE("references are split as a pull needs them", "[engine][http]") {
  const auto split = [](const char* text) {
    const ImageReference reference = split_reference(text);
    return reference.name + " " + reference.tag;
  };
  CHECK(split("postgres") == "postgres latest");
  CHECK(split("host:5000/a") == "host:5000/a latest");
  CHECK(split("host:5000/a:1") == "host:5000/a 1");
  CHECK(split("a@sha256:12") == "a sha256:12");
  CHECK(split("a:1@sha256:12") == "a sha256:12");
}

TEST_CASE("removing is fine when it is gone, and waits for another's removal", "[engine][http]") {
  ScriptedEngine scripted;
  const auto engine = scripted.connect();
  CHECK(engine->remove_container({"x"}, true));
  scripted.on("DELETE /containers/x",
              {Answer{.status = 409, .body = R"({"message":"removal of container x is already in progress"})"}});
  scripted.on("GET /containers/x/json", {Answer{.body = "{}"}, Answer{.status = 404, .body = "{}"}});
  CHECK(engine->remove_container({"x"}, true));
  scripted.on("DELETE /containers/x", {Answer{.status = 409, .body = R"({"message":"is the root"})"}});
  CHECK_FALSE(engine->remove_container({"x"}, true));
}

TEST_CASE("removing takes another attempt when the container ends by itself meanwhile", "[engine][http]") {
  const std::string ended =
      R"({"message":"Could not kill running container x, cannot remove - Container x is not running"})";
  ScriptedEngine scripted;
  const auto engine = scripted.connect();
  scripted.on("DELETE /containers/x", {Answer{.status = 500, .body = ended}, Answer{.status = 409, .body = ended},
                                       Answer{.status = 204, .body = ""}});
  CHECK(engine->remove_container({"x"}, true));
  scripted.on("DELETE /containers/x", {Answer{.status = 500, .body = R"({"message":"no space left on device"})"}});
  const auto refused = engine->remove_container({"x"}, true);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().contains("no space left on device"));
}

TEST_CASE("an exec's stream is read, written and half-closed", "[engine][stream]") {
  ScriptedEngine scripted;
  std::string received;
  scripted.on("POST /exec/e/start", {Answer{.body = frame(1, "early"), .upgrade = true, .hand_over = [&](int fd) {
                                              received = test::receive(fd, 3'000'000);
                                              test::send_all(
                                                  fd, frame(2, "late") + frame(1, std::string(received.size(), 'z')));
                                            }}});
  const auto engine = scripted.connect();
  auto stream = engine->start_exec("e");
  REQUIRE(stream);
  const std::string input(2'000'000, 'i');
  REQUIRE((*stream)->write(bytes_of(input)));
  REQUIRE((*stream)->close_write());
  const auto text = drain(**stream);
  REQUIRE(text);
  CHECK(*text == "earlylate" + std::string(2'000'000, 'z'));
  CHECK(received == input);
}

TEST_CASE("a writer takes in output meanwhile, up to a bound", "[engine][stream]") {
  ScriptedEngine scripted;
  // Writes first and reads only when all of it was taken: as `cat` does with full pipes.
  std::size_t amount = 700'000;
  scripted.on("POST /exec/e/start", {Answer{.upgrade = true, .hand_over = [&](int fd) {
                                              test::send_all(fd, frame(1, std::string(amount, 'o')));
                                              static_cast<void>(test::receive(fd, 4'000'000));
                                            }}});
  const auto engine = scripted.connect();
  const std::string input(4'000'000, 'i');
  auto stream = engine->start_exec("e");
  REQUIRE(stream);
  REQUIRE((*stream)->write(bytes_of(input)));
  CHECK(drain(**stream) == std::string(amount, 'o'));
  amount = 40'000'000;
  auto flooded = engine->start_exec("e");
  REQUIRE(flooded);
  const auto written = (*flooded)->write(bytes_of(input));
  REQUIRE_FALSE(written);
  CHECK(written.error().code() == Errc::unavailable);
}

TEST_CASE("a stream that is cut says so, again and again, and a deadline does not break it", "[engine][stream]") {
  ScriptedEngine scripted;
  auto gate = std::make_shared<test::Gate>();
  scripted.on(
      "POST /exec/e/start",
      {Answer{
          .body = frame(1, "whole") + frame(1, "cut").substr(0, 10), .stall_after = 0, .gate = gate, .upgrade = true}});
  const auto engine = scripted.connect();
  auto stream = engine->start_exec("e");
  REQUIRE(stream);
  CHECK((*stream)->next(std::chrono::steady_clock::now() + 50ms).error().code() == Errc::unavailable);
  gate->open();
  const auto first = (*stream)->next();
  REQUIRE(first);
  CHECK((*first)->bytes.size() == 5);
  const auto second = (*stream)->next();  // the part of the payload that came
  REQUIRE(second);
  CHECK((*second)->bytes.size() == 2);
  for (int i = 0; i < 2; ++i) {
    const auto broken = (*stream)->next();
    REQUIRE_FALSE(broken);
    CHECK(broken.error().code() == Errc::unavailable);
    CHECK(broken.error().message().contains("1 bytes before its frame"));
  }
}

TEST_CASE("writing to a process that has gone fails, and a stop ends a write that nobody takes", "[engine][stream]") {
  ScriptedEngine scripted;
  auto gate = std::make_shared<test::Gate>();
  scripted.on("POST /exec/e/start", {Answer{.upgrade = true}, Answer{.stall_after = 0, .gate = gate, .upgrade = true}});
  const auto engine = scripted.connect();
  const std::string input(4'000'000, 'i');
  auto stream = engine->start_exec("e");
  REQUIRE(stream);
  const auto gone = (*stream)->write(bytes_of(input));
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code() == Errc::failed);
  auto stuck = engine->start_exec("e");
  REQUIRE(stuck);
  std::stop_source stop;
  std::jthread stopper([&] {
    static_cast<void>(gate->reached());
    stop.request_stop();
  });
  CHECK((*stuck)->write(bytes_of(input), stop.get_token()).error().code() == Errc::cancelled);
}

TEST_CASE("an exec that is refused says why", "[engine][stream]") {
  ScriptedEngine scripted;
  scripted.on("POST /exec/e/start",
              {Answer{.status = 409, .body = R"({"message":"Container x is paused"})"},
               Answer{.status = 500, .body = R"({"message":"no user"})", .chunked = true}, Answer{.status = 0}});
  const auto engine = scripted.connect();
  CHECK(engine->start_exec("e").error().message() == "start a command: Container x is paused");
  CHECK(engine->start_exec("e").error().message() == "start a command: no user");
  CHECK(engine->start_exec("e").error().code() == Errc::unavailable);
}

TEST_CASE("logs are demultiplexed, unless a terminal made them", "[engine][http]") {
  ScriptedEngine scripted;
  scripted.on("GET /containers/x/json",
              {Answer{.body = R"({"Config":{"Tty":false}})"}, Answer{.body = R"({"Config":{"Tty":true}})"}});
  scripted.on("GET /containers/x/logs", {Answer{.body = frame(1, "a\n") + frame(2, "b\n")}, Answer{.body = "c\n"}});
  const auto engine = scripted.connect();
  CHECK(engine->container_logs({"x"}, 10) == "a\nb\n");
  CHECK(engine->container_logs({"x"}, 10) == "c\n");
}

TEST_CASE("networks are made, connected to and removed", "[engine][http]") {
  ScriptedEngine scripted;
  const auto engine = scripted.connect();
  scripted.on("POST /networks/create",
              {Answer{.status = 201, .body = R"({"Id":"n1","Warning":""})"},
               Answer{.status = 409, .body = R"({"message":"network with name shop_default already exists"})"}});
  CHECK(engine->create_network({{"Name", "shop_default"}, {"Driver", "bridge"}}) == "n1");
  CHECK(scripted.server().seen().back().body == R"({"Driver":"bridge","Name":"shop_default"})");
  const auto twice = engine->create_network({{"Name", "shop_default"}});
  REQUIRE_FALSE(twice);
  CHECK(twice.error().code() == Errc::exists);
  CHECK(twice.error().message() == "create network shop_default: network with name shop_default already exists");

  scripted.on("POST /networks/shop_back/connect", {Answer{}});
  REQUIRE(engine->connect_network("shop_back", {"x"}, {{"Aliases", {"db"}}}));
  CHECK(scripted.server().seen().back().body == R"({"Container":"x","EndpointConfig":{"Aliases":["db"]}})");

  scripted.on("DELETE /networks/n1",
              {Answer{.status = 403, .body = R"({"message":"it has active endpoints"})"}, Answer{.status = 204}});
  const auto used = engine->remove_network("n1");
  REQUIRE_FALSE(used);
  CHECK(used.error().code() == Errc::failed);
  CHECK(engine->remove_network("n1"));
  CHECK(engine->remove_network("n2").error().code() == Errc::not_found);
}

TEST_CASE("an image gets a tag", "[engine][http]") {
  ScriptedEngine scripted;
  const auto engine = scripted.connect();
  scripted.on("POST /images/sha256:1/tag", {Answer{.status = 201}});
  REQUIRE(engine->tag_image("sha256:1", "registry:5000/a/b:17"));
  CHECK(scripted.calls().back() == "POST /v1.41/images/sha256:1/tag?repo=registry%3A5000%2Fa%2Fb&tag=17");
  REQUIRE(engine->tag_image("sha256:1", "shop-app"));
  CHECK(scripted.calls().back() == "POST /v1.41/images/sha256:1/tag?repo=shop-app&tag=latest");
}

TEST_CASE("a container's own files are listed, looked at and read", "[engine][http]") {
  ScriptedEngine scripted;
  const auto engine = scripted.connect();
  scripted.on("GET /containers/x/changes",
              {Answer{.body = R"([{"Path":"/etc","Kind":0},{"Path":"/etc/app","Kind":1},{"Path":"/gone","Kind":2}])"},
               Answer{.body = "null"}});
  CHECK(engine->changed_paths({"x"}) == std::vector<std::string>{"/etc", "/etc/app"});
  CHECK(engine->changed_paths({"x"})->empty());

  // {"name":"app.conf","size":13,"mode":292,"mtime":"2026-11-22T10:33:16Z","linkTarget":""}
  const net::Headers whole{
      {"X-Docker-Container-Path-Stat",
       "eyJuYW1lIjoiYXBwLmNvbmYiLCJzaXplIjoxMywibW9kZSI6MjkyLCJtdGltZSI6IjIwMjYtMTEtMjJUMTA6MzM6MTZaIiwibGlua1Rhcmdl"
       "dCI6IiJ9"}};
  scripted.on("HEAD /containers/x/archive", {Answer{.headers = whole}, Answer{}});
  const auto stat = engine->stat_path({"x"}, "/etc/app conf");
  REQUIRE(stat);
  CHECK(scripted.calls().back() == "HEAD /v1.41/containers/x/archive?path=%2Fetc%2Fapp%20conf");
  CHECK(stat->regular);
  CHECK(stat->bytes == 13);
  CHECK(stat->whole_second);
  CHECK(render_rfc3339(stat->modified) == "2026-11-22T10:33:16Z");
  CHECK(engine->stat_path({"x"}, "/etc").error().code() == Errc::failed);
  CHECK(engine->stat_path({"y"}, "/etc").error().code() == Errc::not_found);

  scripted.on("GET /containers/x/archive", {Answer{.body = std::string(1000, 't')}});
  CHECK(engine->get_archive({"x"}, "/etc/app", 1000)->size() == 1000);
  const auto large = engine->get_archive({"x"}, "/etc/app", 999);
  REQUIRE_FALSE(large);
  CHECK(large.error().message().contains("it has more than 999 bytes"));
}
