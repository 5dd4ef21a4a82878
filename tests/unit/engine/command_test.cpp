#include "engine/command.hpp"

#include <catch2/catch_test_macros.hpp>

#include "stream/memory_stream.hpp"
#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/scripted_engine.hpp"
#include "support/skipping_clock.hpp"

using namespace davit;
using namespace davit::engine;
using test::Answer;
using test::FakeCommand;
using test::FakeOutcome;

namespace {

struct Fixture {
  test::FakeEngine engine;
  test::QuietRun run;
  test::SkippingClock clock;
  RunContext context{.run_id = "r", .clock = clock, .reporter = run.reporter, .stop = run.stop.get_token()};
  ContainerId db = [&] {
    ContainerInfo info;
    info.name = "db";
    return engine.add_container(info);
  }();
};

struct CutSource : stream::ByteSource {
  bool first = true;
  Result<std::size_t> read(std::span<std::byte> into) override {
    if (!std::exchange(first, false)) return fail(Errc::corrupt, "artefact is cut");
    std::ranges::fill(into, std::byte{'x'});
    return into.size();
  }
};

}  // namespace

TEST_CASE("what a command prints on stderr can't steer a terminal", "[engine][command]") {
  Fixture f;
  f.engine.on_command = [](const FakeCommand&) {
    return FakeOutcome{1, "", "psql: error: \x1b]0;owned\x07no\r\nDETAIL: caf\xe9 \\d\n"};
  };
  const auto answer = run_command_for_text(f.engine, f.db, {.argv = {"psql"}}, f.context);
  REQUIRE(answer);
  CHECK(answer->outcome.errors == "psql: error: \\x1b]0;owned\\x07no\nDETAIL: caf\\xe9 \\d");
}

TEST_CASE("a command's output, errors and exit code come back", "[engine][command]") {
  Fixture f;
  std::string big(3'000'000, 'b');
  f.engine.on_command = [&](const FakeCommand& command) {
    CHECK(command.container == "db");
    CHECK(command.argv == std::vector<std::string>{"dump", "my db"});
    CHECK(command.user == "postgres");
    CHECK(command.input.empty());
    return FakeOutcome{.exit_code = 4, .out = big, .err = std::string(40'000, 'e') + " last words\n"};
  };
  const auto text = run_command_for_text(f.engine, f.db, {.argv = {"dump", "my db"}, .user = "postgres"}, f.context);
  REQUIRE(text);
  CHECK(text->out == big);
  CHECK(text->outcome.exit_code == 4);
  CHECK(text->outcome.errors.size() <= 16'384);
  CHECK(text->outcome.errors.ends_with("e last words"));
  const auto bounded =
      run_command_for_text(f.engine, f.db, {.argv = {"dump", "my db"}, .user = "postgres"}, f.context, 100);
  REQUIRE_FALSE(bounded);
  CHECK(bounded.error().message().starts_with("run dump in container "));
}

TEST_CASE("a command is fed, and the end of what it prints is kept", "[engine][command]") {
  Fixture f;
  f.engine.on_command = [](const FakeCommand& command) {
    return FakeOutcome{.exit_code = 0, .out = "[" + command.input + "]"};
  };
  stream::MemorySource in(std::string(200'000, 'i'));
  const auto fed = feed_command(f.engine, f.db, {.argv = {"load"}}, in, f.context);
  REQUIRE(fed);
  CHECK(fed->out == "[" + std::string(200'000, 'i') + "]");
  CutSource cut;
  const auto broken = feed_command(f.engine, f.db, {.argv = {"load"}}, cut, f.context);
  REQUIRE_FALSE(broken);
  CHECK(broken.error().code() == Errc::corrupt);
}

TEST_CASE("whatever call fails, a command is never a success with less output", "[engine][command]") {
  const std::string output(10'000, 'o');
  for (const bool after : {false, true}) {
    for (std::uint64_t k = 1;; ++k) {
      Fixture f;
      f.engine.on_command = [&](const FakeCommand&) {
        return FakeOutcome{.exit_code = 0, .out = output, .err = "note"};
      };
      f.engine.set_faults({.fail_at = k, .after_effect = after});
      const auto text = run_command_for_text(f.engine, f.db, {.argv = {"dump"}}, f.context);
      INFO(k << " " << after);
      if (!f.engine.failed()) {
        REQUIRE(k > 10);
        CHECK(text);
        break;
      }
      if (text) CHECK(text->out == output);
    }
  }
}

TEST_CASE("a stop is noticed", "[engine][command]") {
  Fixture f;
  f.run.stop.request_stop();
  CHECK(run_command_for_text(f.engine, f.db, {.argv = {"dump"}}, f.context).error().code() == Errc::cancelled);
}

TEST_CASE("a stream that ends well-formed but without the mark is not whole", "[engine][command]") {
  test::ScriptedEngine scripted;
  test::QuietRun run;
  test::SkippingClock clock;
  RunContext context{.run_id = "r", .clock = clock, .reporter = run.reporter, .stop = {}};
  std::string mark;
  const auto stream_of = [&](std::function<std::string()> text) {
    return Answer{.upgrade = true, .hand_over = [&, text](int fd) {
                    for (const auto& seen : scripted.server().seen()) {
                      if (!seen.target.ends_with("/containers/x/exec")) continue;
                      const std::size_t at = seen.body.find(R"("davit",")") + 9;
                      mark = seen.body.substr(at, 32);
                    }
                    test::send_all(fd, test::frame(1, text()));
                  }};
  };
  const auto run_with = [&](std::function<std::string()> text, const std::string& state) {
    scripted.on("POST /containers/x/exec", {Answer{.status = 201, .body = R"({"Id":"e"})"}});
    scripted.on("POST /exec/e/start", {stream_of(std::move(text))});
    scripted.on("GET /exec/e/json", {Answer{.body = R"({"Running":true,"ExitCode":null})"}, Answer{.body = state}});
    const auto engine = scripted.connect();
    return run_command_for_text(*engine, {"x"}, {.argv = {"dump"}}, context);
  };
  const std::string ended = R"({"Running":false,"ExitCode":0})";
  // Cut behind good output, as the Engine does with a reader that stalls.
  auto text = run_with([&] { return mark + "\nhalf of it"; }, ended);
  REQUIRE_FALSE(text);
  CHECK(text.error().code() == Errc::unavailable);
  CHECK(text.error().message().starts_with("run dump in container x: its output did not arrive whole"));
  // A shell that cannot be started.
  text = run_with([] { return std::string("exec: \"sh\": executable file not found in $PATH\r\n"); },
                  R"({"Running":false,"ExitCode":126})");
  REQUIRE_FALSE(text);
  CHECK(text.error().code() == Errc::failed);
  CHECK(text.error().message() ==
        "run dump in container x: start sh: exec: \"sh\": executable file not found in $PATH");
  // Shell and Engine disagree.
  text = run_with([&] { return mark + "\nall\n" + mark + " 0\n"; }, R"({"Running":false,"ExitCode":137})");
  REQUIRE_FALSE(text);
  CHECK(text.error().code() == Errc::unavailable);
  // An exit code that never comes.
  text = run_with([&] { return mark + "\nall\n" + mark + " 0\n"; }, R"({"Running":true,"ExitCode":null})");
  REQUIRE_FALSE(text);
  CHECK(text.error().code() == Errc::unavailable);
  text = run_with([&] { return mark + "\nall\n" + mark + " 0\n"; }, ended);
  REQUIRE(text);
  CHECK(text->out == "all");
}
