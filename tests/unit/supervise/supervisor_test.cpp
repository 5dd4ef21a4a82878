// The wrapper with real processes: what its child gets, which signals reach whom, and whose data directory it is.

#include "supervise/supervisor.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <sstream>

#include "supervise/claim.hpp"
#include "supervise/client.hpp"
#include "supervise/processes.hpp"
#include "support/wrapped_server.hpp"

namespace davit::supervise {
namespace {

using namespace std::chrono_literals;
using test::wait_until;
using test::WrappedServer;
using Kind = Request::Kind;

TEST_CASE("the wrapper ends with its child's exit code") {
  const auto [script, code] = GENERATE(table<std::string, int>(
      {{"exit 0", 0}, {"exit 7", 7}, {"kill -9 $$", 137}, {"kill -TERM $$", 143}, {"exec ./none", 127}}));
  CHECK(WrappedServer(script + " 2>/dev/null").ended() == code);
}

TEST_CASE("the child has its arguments, its environment and no signal blocked or ignored") {
  WrappedServer wrapped(
      "printf '%s,' \"$@\" \"$GREETING\" > args; grep -E '^Sig(Blk|Ign)' /proc/self/status > signals");
  CHECK(wrapped.ended() == 0);
  CHECK(wrapped.file("args") == "one word,,good morning,");
  std::istringstream lines(wrapped.file("signals"));
  std::string name;
  std::string mask;
  int seen = 0;
  while (lines >> name >> mask) {
    ++seen;
    INFO(name);
    // The two above the classic ones are the C library's own, whose posix_spawn ignores them.
    CHECK((std::stoull(mask, nullptr, 16) & 0x7fffffffU) == 0);
  }
  CHECK(seen == 2);
}

TEST_CASE("a program that there isn't is the wrapper's own error") {
  CHECK(WrappedServer(OnExit::stay, {"/nowhere/entrypoint"}).ended() == 100 + static_cast<int>(Errc::not_found));
}

TEST_CASE("a server is asked to end fast, and other signals reach it as they are") {
  const int signal = GENERATE(SIGTERM, SIGINT);
  WrappedServer wrapped;
  wrapped.wait_for(State::running);
  CHECK(wrapped.status().accepting == true);
  ::kill(wrapped.pid, SIGHUP);
  wrapped.wait_for_file("heard");
  CHECK(wrapped.file("heard") == "reload\n");
  CHECK(wrapped.status().state == State::running);
  ::kill(wrapped.pid, signal);
  CHECK(wrapped.ended() == 0);
  CHECK_FALSE(std::filesystem::exists(wrapped.directory / "postmaster.pid"));
}

TEST_CASE("a signal that would only end an entrypoint doesn't reach it") {
  WrappedServer wrapped(
      "trap 'echo rotate > heard' USR2\n: > preparing\nwhile [ ! -e heard ]; do sleep 0.02; done\nexec ./postgres");
  wrapped.wait_for_file("preparing");
  // Taken in by number, the lowest first: when the last one has been heard, so have the others.
  for (const int signal : {SIGHUP, SIGUSR1, SIGWINCH, SIGUSR2}) ::kill(wrapped.pid, signal);
  wrapped.wait_for(State::running);
  CHECK(wrapped.file("heard") == "rotate\n");
  CHECK(wrapped.status().starts == 1);
  ::kill(wrapped.pid, SIGTERM);
  CHECK(wrapped.ended() == 0);
}

TEST_CASE("an entrypoint at its preparations ends, and so does what it was just running") {
  const int signal = GENERATE(SIGTERM, SIGINT);
  // As initdb, which clears away what it has begun when it is told to end.
  WrappedServer wrapped(
      "sh -c 'trap \"echo cleared > cleared; exit 1\" INT; echo $$ > busy; while :; do sleep 0.02; done'\n"
      "echo went on > on; exec ./postgres");
  wrapped.wait_for_file("busy");
  CHECK(wrapped.status().state == State::starting);
  ::kill(wrapped.pid, signal);
  CHECK(wrapped.ended() == 143);
  CHECK(wrapped.file("cleared") == "cleared\n");
  CHECK_FALSE(std::filesystem::exists(wrapped.directory / "on"));
}

TEST_CASE("a server of the preparations that passes over a signal gets another") {
  WrappedServer wrapped(
      "mkdir sub; cat > sub/postgres <<'E'\n"
      "#!/bin/sh\nn=0\ntrap 'n=$((n + 1)); [ $n -lt 2 ] || { echo ended > ended; exit 0; }' INT\n"
      "echo x > busy\nwhile :; do sleep 0.02; done\nE\n"
      "chmod 755 sub/postgres; sub/postgres; true");
  wrapped.wait_for_file("busy");
  ::kill(wrapped.pid, SIGTERM);
  CHECK(wrapped.ended() == 143);
  CHECK(wrapped.file("ended") == "ended\n");
}

TEST_CASE("what the entrypoint left behind and obeys no polite signal goes, too") {
  WrappedServer wrapped(
      "sh -c 'trap \"\" INT; sleep 300 & echo $! > orphan; exec sleep 301' & echo $! > daemon; "
      "while [ ! -s orphan ]; do sleep 0.01; done; exec ./postgres");
  wrapped.wait_for(State::running);
  ::kill(wrapped.pid, SIGTERM);
  CHECK(wrapped.ended() == 0);
  for (const char* name : {"orphan", "daemon"}) {
    const pid_t pid = std::stoi(wrapped.file(name));
    wait_until("the end of " + std::string(name), [pid] { return ::kill(pid, 0) != 0; });
  }
}

TEST_CASE("a server that an entrypoint becomes although it was told to end is stopped fast") {
  WrappedServer wrapped("trap '' TERM; echo x > deaf; while [ ! -e told ]; do sleep 0.01; done; exec ./postgres");
  wrapped.wait_for_file("deaf");
  ::kill(wrapped.pid, SIGTERM);
  wrapped.wait_for(State::stopping);
  test::write_file(wrapped.directory / "told", "");
  CHECK(wrapped.ended() == 0);
}

TEST_CASE("the lock of a server that still runs is left alone") {
  const test::TemporaryDirectory other;
  std::filesystem::copy_file("/bin/sleep", other / "postmaster");
  const pid_t server = ::fork();
  if (server == 0) {
    ::execl((other / "postmaster").c_str(), "postmaster", "60", nullptr);
    ::_exit(1);
  }
  wait_until("the other server", [&] { return program_of(server) == "postmaster"; });
  const WrappedServer wrapped(
      "if [ -e told ]; then cat postmaster.pid > new; mv new seen; exec ./postgres; fi\n"
      "echo 999999 > postmaster.pid; touch told; exit 3",
      OnExit::stay);
  wrapped.wait_for(State::maintenance);
  const auto asked = wrapped.ask(Kind::start);
  if (asked) wrapped.wait_for_file("seen");
  ::kill(server, SIGKILL);
  ::waitpid(server, nullptr, 0);
  REQUIRE(asked);
  CHECK(wrapped.file("seen") == "999999\n");
}

TEST_CASE("a data directory that another container has is left alone") {
  DirectoryClaim next_door;
  const auto before = [&](const WrappedServer& wrapped) {
    test::write_file(wrapped.directory / "postmaster.pid", "999999\n");
    REQUIRE(next_door.take(wrapped.directory.path().string()) == DirectoryClaim::Holder::us);
  };
  SECTION("no server is started there") {
    const std::vector<std::string> words =
        GENERATE(std::vector<std::string>{"postgres", "-c", "x=y"}, std::vector<std::string>{"-c", "x=y"});
    WrappedServer wrapped(before, words);
    CHECK(wrapped.ended() == 100 + static_cast<int>(Errc::locked));
    CHECK(wrapped.file("postmaster.pid") == "999999\n");
    CHECK_FALSE(std::filesystem::exists(wrapped.directory / "servers"));
  }
  SECTION("anything else is, and that server's lock stays") {
    WrappedServer wrapped(
        [&](const WrappedServer& each) {
          before(each);
          each.script("postgres", "#!/bin/sh\ncp postmaster.pid seen\n");
        },
        {"psql"});
    CHECK(wrapped.ended() == 0);
    CHECK(wrapped.file("seen") == "999999\n");
  }
  SECTION("it is free again with its holder") {
    WrappedServer first;
    first.wait_for(State::running);
    DirectoryClaim claim;
    CHECK(claim.take(first.directory.path().string()) == DirectoryClaim::Holder::another);
    ::kill(first.pid, SIGTERM);
    CHECK(first.ended() == 0);
    CHECK(claim.take(first.directory.path().string()) == DirectoryClaim::Holder::us);
    CHECK(claim.take(first.directory.path().string()) == DirectoryClaim::Holder::us);
  }
  CHECK(next_door.take("/nowhere/at/all") == DirectoryClaim::Holder::unknown);
}

TEST_CASE("a server isn't started between two clusters, and the wrapper says what to do") {
  const WrappedServer wrapped(
      [](const WrappedServer& each) {
        std::filesystem::create_directory(each.directory / ".davit-restore");
        test::write_file(each.directory / ".davit-restore/step", "entering\n");
      },
      {"postgres"});
  wrapped.wait_for(State::maintenance);
  CHECK(wrapped.status().restore_left);
  CHECK(wrapped.status().problem.value_or("").contains("davit pgbackrest restore --settle"));
  CHECK_FALSE(std::filesystem::exists(wrapped.directory / "servers"));
  // Not until it is put right.
  const auto refused = start_server(wrapped.asks(), {.timeout = 10s, .stop = {}, .clock = Clock(), .accepting = {}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().contains("broken off"));
  test::write_file(wrapped.directory / ".davit-restore/step", "back\n");
  CHECK(start_server(wrapped.asks(), {.timeout = 10s, .stop = {}, .clock = Clock(), .accepting = {}}));
}

TEST_CASE("a thousand orphans are taken in") {
  WrappedServer wrapped(
      "i=0; while [ $i -lt 1000 ]; do (sleep 0.2 &); i=$((i+1)); done; echo x > orphaned; exec ./postgres");
  wrapped.wait_for_file("orphaned");
  wrapped.wait_for(State::running);
  const pid_t server = *wrapped.status().pid;
  wait_until("the orphans to go", [&] {
    return std::ranges::none_of(test::all_processes(), [&](const test::SeenProcess& seen) {
      return seen.parent == wrapped.pid && seen.pid != server;
    });
  });
  CHECK(wrapped.status().state == State::running);
  ::kill(wrapped.pid, SIGTERM);
  CHECK(wrapped.ended() == 0);
}

}  // namespace
}  // namespace davit::supervise
