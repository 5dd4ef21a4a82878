// Against a real Engine, and so only when asked for: davit_unit "[.real-engine]", with DOCKER_HOST or the usual socket,
// and a local image that has sh (DAVIT_TEST_IMAGE).

#include <dirent.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/command.hpp"
#include "engine/http_engine.hpp"
#include "stream/digest.hpp"
#include "stream/memory_stream.hpp"
#include "support/quiet_run.hpp"
#include "util/text.hpp"

using namespace davit;
using namespace davit::engine;
using namespace std::chrono_literals;

namespace {

std::string test_image() {
  const char* image = std::getenv("DAVIT_TEST_IMAGE");
  return image != nullptr ? image : "davit-base/debian:trixie";
}

template <class T>
T value_of(Result<T> result) {
  if (!result) FAIL(result.error().message());
  return std::move(*result);
}
void check_ok(const Result<>& result) {
  if (!result) FAIL(result.error().message());
}

// A container that sleeps, removed at the end.
struct Container {
  std::unique_ptr<HttpEngine> engine;
  ContainerId id;
  explicit Container(const std::vector<std::string>& command = {"sleep", "600"}) {
    engine = value_of(HttpEngine::connect(value_of(parse_address(Environment::of_process()))));
    id = value_of(engine->create_container("davit-unit-" + random_hex(4), {{"Image", test_image()}, {"Cmd", command}}));
    check_ok(engine->start_container(id));
  }
  ~Container() { static_cast<void>(engine->remove_container(id, true)); }
};

std::string sha256_of(std::string_view text) {
  return value_of(stream::extent_of(std::as_bytes(std::span(text)))).sha256;
}

// Stops reading for a while once when there are `from` bytes.
class StallingSink : public stream::ByteSink {
 public:
  StallingSink(std::size_t from, std::chrono::seconds stall) : from_(from), stall_(stall) {}
  Result<> write(std::span<const std::byte> bytes) override {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.size() >= from_ && !std::exchange(stalled_, true)) std::this_thread::sleep_for(stall_);
    return {};
  }
  Result<> finish() override { return {}; }
  std::string text;

 private:
  std::size_t from_;
  std::chrono::seconds stall_;
  bool stalled_ = false;
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* directory = ::opendir("/proc/self/fd");
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

}  // namespace

TEST_CASE("real Engine: a reader that stalls loses nothing", "[.real-engine]") {
  Container container;
  test::QuietRun run;
  for (const std::size_t size : {5'000'000UL, 300'000UL, 70'000UL}) {
    value_of(run_command_for_text(
        *container.engine, container.id,
        {.argv = {"sh", "-c", "head -c " + std::to_string(size) + " /dev/urandom > /tmp/data"}}, run.context));
    const auto sum = value_of(
        run_command_for_text(*container.engine, container.id, {.argv = {"sha256sum", "/tmp/data"}}, run.context));
    StallingSink sink(size - 65536, 5s);
    const auto outcome =
        value_of(run_command(*container.engine, container.id, {.argv = {"cat", "/tmp/data"}}, sink, run.context));
    CHECK(outcome.exit_code == 0);
    CHECK(sink.text.size() == size);
    CHECK(sum.out.substr(0, 64) == sha256_of(sink.text));
  }
}

TEST_CASE("real Engine: exit codes, errors and arguments", "[.real-engine]") {
  Container container;
  test::QuietRun run;
  const auto ask = [&](std::vector<std::string> argv, std::string user = {}, std::vector<std::string> env = {},
                       std::string setup = {}) {
    return run_command_for_text(
        *container.engine, container.id,
        {.argv = std::move(argv), .env = std::move(env), .user = std::move(user), .setup = std::move(setup)},
        run.context);
  };
  auto text = value_of(ask({"sh", "-c", "echo out; echo err >&2; exit 7"}));
  CHECK(text.out == "out\n");
  CHECK(text.outcome.errors == "err");
  CHECK(text.outcome.exit_code == 7);
  text = value_of(ask({"printf", "%s|", "a b", "$HOME", "'\"", "", "-n", "line\nbreak"}));
  CHECK(text.out == "a b|$HOME|'\"||-n|line\nbreak|");
  text = value_of(ask({"no-such-program"}));
  CHECK(text.outcome.exit_code == 127);
  CHECK(text.out.empty());
  CHECK(text.outcome.errors.contains("no-such-program"));
  text = value_of(ask({"/etc/passwd"}));
  CHECK(text.outcome.exit_code == 126);
  text = value_of(ask({"sh", "-c", "kill -9 $$"}));
  CHECK(text.outcome.exit_code == 137);
  text = value_of(ask({"sh", "-c", "cat; id -u; echo $A-$B"}, "65534", {"A=1 2"}, "export B=set"));
  CHECK(text.out == "65534\n1 2-set\n");
  const auto no_user = ask({"true"}, "no-such-user");
  REQUIRE_FALSE(no_user);
  INFO(no_user.error().message());
  CHECK(no_user.error().message().contains("no-such-user"));
  check_ok(container.engine->pause_container(container.id));
  const auto paused = ask({"true"});
  REQUIRE_FALSE(paused);
  CHECK(paused.error().message().contains("paused"));
  check_ok(container.engine->unpause_container(container.id));
  CHECK(value_of(ask({"true"})).outcome.exit_code == 0);
}

TEST_CASE("real Engine: a command is fed and half-closed", "[.real-engine]") {
  Container container;
  test::QuietRun run;
  std::string data;
  while (data.size() < 3'000'000) data += random_hex(1000) + '\n';
  const auto feed = [&](std::vector<std::string> argv) {
    stream::MemorySource in(data);
    return feed_command(*container.engine, container.id, {.argv = std::move(argv)}, in, run.context);
  };
  auto fed = value_of(feed({"sha256sum"}));
  CHECK(fed.out.substr(0, 64) == sha256_of(data));
  CHECK(fed.outcome.exit_code == 0);
  fed = value_of(feed({"cat"}));  // keeps the last MiB
  CHECK(fed.out == data.substr(data.size() - (1U << 20U)));
  fed = value_of(feed({"head", "-c", "5"}));
  CHECK(fed.out == data.substr(0, 5));
  CHECK(fed.outcome.exit_code == 0);
  fed = value_of(feed({"sh", "-c", "exit 3"}));
  CHECK(fed.outcome.exit_code == 3);
  fed = value_of(feed({"no-such-program"}));
  CHECK(fed.outcome.exit_code == 127);
}

TEST_CASE("real Engine: a container without sh says so", "[.real-engine]") {
  Container container;
  test::QuietRun run;
  value_of(run_command_for_text(*container.engine, container.id, {.argv = {"rm", "/bin/sh"}}, run.context));
  const auto text = run_command_for_text(*container.engine, container.id, {.argv = {"true"}}, run.context);
  REQUIRE_FALSE(text);
  INFO(text.error().message());
  CHECK(text.error().message().contains("\"sh\": executable file not found"));
  CHECK(text.error().hint().contains("sh"));
}

TEST_CASE("real Engine: a container that dies under a command is no success", "[.real-engine]") {
  Container container;
  test::QuietRun run;
  // Once it has said something, it is under way.
  struct KillingSink : stream::ByteSink {
    explicit KillingSink(Container& victim) : container(victim) {}
    Result<> write(std::span<const std::byte>) override {
      return std::exchange(killed, true) ? Result<>() : container.engine->kill_container(container.id, "KILL");
    }
    Result<> finish() override { return {}; }
    Container& container;
    bool killed = false;
  } out(container);
  const auto ended =
      run_command(*container.engine, container.id, {.argv = {"sh", "-c", "echo some; sleep 60"}}, out, run.context);
  REQUIRE_FALSE(ended);
  INFO(ended.error().message());
  CHECK(out.killed);
  CHECK(ended.error().code() == Errc::unavailable);
}

TEST_CASE("real Engine: a stop ends a command that is silent", "[.real-engine]") {
  Container container;
  test::QuietRun run;
  std::chrono::steady_clock::time_point begin;
  std::jthread stopper([&](const std::stop_token& end) {
    test::QuietRun looking;
    const auto is_there = [&] {
      const auto found =
          run_command_for_text(*container.engine, container.id, {.argv = {"test", "-e", "/begun"}}, looking.context);
      return found && found->outcome.exit_code == 0;
    };
    while (!end.stop_requested() && !is_there()) {
    }
    begin = std::chrono::steady_clock::now();
    run.stop.request_stop();
  });
  const auto text = run_command_for_text(*container.engine, container.id,
                                         {.argv = {"sh", "-c", "touch /begun; exec sleep 60"}}, run.context);
  stopper.request_stop();
  stopper.join();
  REQUIRE_FALSE(text);
  CHECK(text.error().code() == Errc::cancelled);
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
}

TEST_CASE("real Engine: hundreds of commands leak no descriptor", "[.real-engine]") {
  Container container;
  test::QuietRun run;
  value_of(run_command_for_text(*container.engine, container.id, {.argv = {"true"}}, run.context));
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 300; ++i) {
    const auto text = value_of(
        run_command_for_text(*container.engine, container.id, {.argv = {"echo", std::to_string(i)}}, run.context));
    REQUIRE(text.out == std::to_string(i) + "\n");
  }
  CHECK(open_descriptors() <= before);
}

TEST_CASE("real Engine: objects are made, found and removed", "[.real-engine]") {
  Container container;
  auto& engine = *container.engine;
  const auto version = value_of(engine.version());
  CHECK(version.os == "linux");
  CHECK(engine.is_local() == engine.address().starts_with("/"));
  const auto info = value_of(engine.inspect_container(container.id));
  CHECK(info.state.status == "running");
  CHECK(info.image == test_image());
  CHECK(value_of(engine.list_containers({.names = {info.name}})).size() == 1);
  CHECK(value_of(engine.list_containers({.names = {info.name.substr(0, 12)}})).empty());
  const auto taken = engine.create_container(info.name, {{"Image", test_image()}});
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code() == Errc::exists);
  const auto no_image = engine.create_container("", {{"Image", "davit-unit/no-such"}});
  REQUIRE_FALSE(no_image);
  CHECK(no_image.error().code() == Errc::not_found);

  const std::string volume = "davit-unit-" + random_hex(4);
  check_ok(engine.create_volume(volume, "local", {}, {{"davit.test", volume}}));
  CHECK(value_of(engine.inspect_volume(volume)).labels.at("davit.test") == volume);
  CHECK(value_of(engine.list_volumes({"davit.test=" + volume})).size() == 1);
  check_ok(engine.remove_volume(volume));
  CHECK(engine.inspect_volume(volume).error().code() == Errc::not_found);

  CHECK(value_of(engine.inspect_network("bridge")).driver == "bridge");
  CHECK(value_of(engine.inspect_image(test_image())).os == "linux");

  check_ok(engine.stop_container(container.id, 0s));
  check_ok(engine.stop_container(container.id, 0s));
  CHECK(value_of(engine.inspect_container(container.id)).state.status == "exited");
  check_ok(engine.remove_container(container.id, true));
  check_ok(engine.remove_container(container.id, true));
  CHECK(engine.inspect_container(container.id).error().code() == Errc::not_found);
}

TEST_CASE("real Engine: logs are text and an attached container is heard whole", "[.real-engine]") {
  auto engine = value_of(HttpEngine::connect(value_of(parse_address(Environment::of_process()))));
  const auto id = value_of(engine->create_container("davit-unit-" + random_hex(4),
                                                    {{"Image", test_image()},
                                                     {"OpenStdin", true},
                                                     {"StdinOnce", true},
                                                     {"AttachStdin", true},
                                                     {"Cmd", {"sh", "-c", "echo begin >&2; sha256sum; echo end"}}}));
  auto stream = value_of(engine->attach(id, true));
  check_ok(engine->start_container(id));
  const std::string data(2'000'000, 'x');
  check_ok(stream->write(std::as_bytes(std::span(data))));
  check_ok(stream->close_write());
  std::string out;
  std::string err;
  for (;;) {
    const auto output = value_of(stream->next(std::chrono::steady_clock::now() + 20s));
    if (!output) break;
    (output->kind == AttachedStream::Kind::out ? out : err)
        .append(reinterpret_cast<const char*>(output->bytes.data()), output->bytes.size());
  }
  CHECK(out == sha256_of(data) + "  -\nend\n");
  CHECK(err == "begin\n");
  CHECK(value_of(engine->container_logs(id, 1)) == "end\n");
  check_ok(engine->remove_container(id, true));
}

TEST_CASE("real Engine: an image is imported and a pull that fails says why", "[.real-engine]") {
  auto engine = value_of(HttpEngine::connect(value_of(parse_address(Environment::of_process()))));
  const std::string reference = "davit-unit/" + random_hex(4) + ":one";
  std::string tar(10240, '\0');  // an archive without members
  stream::MemorySource source(tar);
  const auto image = value_of(engine->import_image(source, reference, {"ENTRYPOINT [\"/davit\"]", "LABEL a=b"}));
  const auto info = value_of(engine->inspect_image(reference));
  CHECK(info.id == image);
  CHECK(info.labels.at("a") == "b");
  CHECK(nlohmann::json::parse(info.raw)["Config"]["Entrypoint"][0] == "/davit");
  check_ok(engine->remove_image(reference));
  const auto pulled = engine->pull_image("127.0.0.1:1/davit-unit:none", {});
  REQUIRE_FALSE(pulled);
  INFO(pulled.error().message());
  CHECK(pulled.error().message().contains("connection refused"));
}
