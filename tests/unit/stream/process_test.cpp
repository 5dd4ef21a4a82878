#include "stream/process.hpp"

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "stream/memory_stream.hpp"
#include "support/streams.hpp"
#include "support/temporary_directory.hpp"

namespace davit::stream {
namespace {

Program shell(const std::string& script) {
  return {.path = "/bin/sh", .argv = {"sh", "-c", script}, .env = {"PATH=/usr/bin:/bin", "GREETING=good morning"}};
}

TEST_CASE("a program's output, errors and exit code come whole") {
  MemorySink out;
  const auto outcome = run_program(shell("printf '%s' \"$GREETING\"; echo 'so it is' >&2; exit 7"), nullptr, out);
  REQUIRE(outcome);
  CHECK(outcome->exit_code == 7);
  CHECK(outcome->errors == "so it is");
  CHECK(out.contents() == "good morning");
  CHECK_FALSE(out.finished());
}

TEST_CASE("a program is fed while it prints, however much either is") {
  const std::string text = test::noise(3'000'000);
  MemorySource in(text);
  MemorySink out;
  const auto outcome = run_program(shell("tee /dev/stderr"), &in, out);
  REQUIRE(outcome);
  CHECK(outcome->exit_code == 0);
  CHECK(out.contents() == text);
}

TEST_CASE("a program that doesn't want all of its input is judged by its exit code") {
  std::signal(SIGPIPE, SIG_IGN);
  MemorySource in(std::string(3'000'000, 'x'));
  MemorySink out;
  const auto outcome = run_program(shell("head -c 3; exit 4"), &in, out);
  REQUIRE(outcome);
  CHECK(outcome->exit_code == 4);
  CHECK(out.contents() == "xxx");
}

TEST_CASE("a program that has closed its outputs gets the rest of its input") {
  const test::TemporaryDirectory directory;
  const std::string path = (directory.path() / "kept").string();
  const std::string text = test::noise(1'000'000);
  MemorySource in(text);
  MemorySink out;
  const auto outcome = run_program(shell("exec >&- 2>&-; sleep 0.2; exec cat > '" + path + "'"), &in, out);
  REQUIRE(outcome);
  CHECK(outcome->exit_code == 0);
  std::ifstream file(path, std::ios::binary);
  const std::string kept{std::istreambuf_iterator<char>(file), {}};
  CHECK((kept == text));
}

TEST_CASE("a program without input finds its end at once, and one that is killed says by which signal") {
  MemorySink out;
  const auto outcome = run_program(shell("cat; kill -9 $$"), nullptr, out);
  REQUIRE(outcome);
  CHECK(outcome->exit_code == 128 + 9);
  CHECK(out.contents().empty());
}

TEST_CASE("a program gets back the signals that davit ignores") {
  // Of a pipe that nobody reads it must die, and not go on for ever.
  MemorySink out;
  const auto outcome = run_program(shell("sh -c 'yes; echo yes: $? >&2' | head -c 2"), nullptr, out);
  REQUIRE(outcome);
  CHECK(out.contents() == "y\n");
  CHECK(outcome->errors.find("141") != std::string::npos);
}

TEST_CASE("a program that is missing is told from one that fails") {
  MemorySink out;
  const auto outcome = run_program({"/no/such/program", {"program"}, {}}, nullptr, out);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code() == Errc::not_found);
}

TEST_CASE("an input that fails ends the program's input, and its error comes back") {
  test::FailingSource in(std::string(100'000, 'x'), 70'000);
  MemorySink out;
  const auto outcome = run_program(shell("wc -c"), &in, out);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code() == Errc::unavailable);
  CHECK(out.contents().find("70000") != std::string::npos);
}

TEST_CASE("a program whose output can't be kept is killed with all that it has started") {
  const test::TemporaryDirectory directory;
  const std::string mark = (directory / "mark").string();
  test::FailingSink out(1);
  const auto outcome =
      run_program(shell("(sleep 1; touch " + mark + ") & printf x; wait; touch " + mark), nullptr, out);
  REQUIRE_FALSE(outcome);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  CHECK_FALSE(std::filesystem::exists(mark));
}

TEST_CASE("a program is given up when somebody asks to stop, and may tidy up") {
  const test::TemporaryDirectory directory;
  const std::string mark = (directory / "mark").string();
  std::stop_source stop;
  MemorySink out;
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    stop.request_stop();
  });
  const auto begun = std::chrono::steady_clock::now();
  const auto outcome =
      run_program(shell("trap 'touch " + mark + "; exit' TERM; sleep 60 & wait"), nullptr, out, stop.get_token());
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code() == Errc::cancelled);
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(20));
  CHECK(std::filesystem::exists(mark));
}

TEST_CASE("a program is found in the directories of a path, if it can be run") {
  const test::TemporaryDirectory directory;
  test::write_file(directory / "tool", "#!/bin/sh\n");
  const std::string path = "/nowhere::" + directory.path().string();
  CHECK_FALSE(find_program("tool", path));
  std::filesystem::permissions(directory / "tool", std::filesystem::perms::owner_all);
  CHECK(find_program("tool", path) == (directory / "tool").string());
}

}  // namespace
}  // namespace davit::stream
