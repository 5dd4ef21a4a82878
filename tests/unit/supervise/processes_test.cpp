#include "supervise/processes.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <filesystem>
#include <format>

#include "support/temporary_directory.hpp"

namespace davit::supervise {
namespace {

TEST_CASE("the data directory is what the command line says, or else PGDATA") {
  CHECK(data_directory({.argv = {"e", "postgres"}, .env = {"PGDATA=/data", "PG=x"}}) == "/data");
  CHECK(data_directory({.argv = {"e", "postgres", "-D", "/other"}, .env = {"PGDATA=/data"}}) == "/other");
  CHECK(data_directory({.argv = {"e", "postgres", "-D/other"}, .env = {}}) == "/other");
  CHECK(data_directory({.argv = {"e", "postgres", "-D"}, .env = {"PGDATA=/data"}}) == "/data");
  CHECK(data_directory({.argv = {"e"}, .env = {}}).empty());
}

TEST_CASE("postmaster.pid tells whether its own server accepts connections") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path().string();
  const auto answer = [&](const std::string& status, const std::string& pid = "7") {
    test::write_file(directory / "postmaster.pid",
                     std::format("{}\n{}\n1795000000\n5432\n/run/postgresql\n*\n  1234 5\n{}", pid, path, status));
    return accepts_connections(path, 7);
  };
  CHECK(accepts_connections(path, 7) == false);  // not yet written
  CHECK(answer("ready   \n") == true);
  CHECK(answer("standby \n") == true);
  CHECK(answer("starting\n") == false);
  CHECK(answer("stopping\n") == false);
  CHECK(answer("") == false);
  // What a crashed server left, or the one that an image has for its preparations.
  CHECK(answer("ready   \n", "8") == false);
  CHECK(answer("ready   \n", "70") == false);
  CHECK(answer("ready   \n", "-7") == false);
  CHECK(answer("ready   \n", "") == false);
  test::write_file(directory / "postmaster.pid", "7\n");
  CHECK(accepts_connections(path, 7) == false);
  CHECK(accepts_connections(path + "/none", 7) == false);
  CHECK_FALSE(accepts_connections("", 7));
}

TEST_CASE("what a killed server has left is removed") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path().string();
  const auto leave = [&] {
    // The number of a process that lives, and is no server.
    test::write_file(directory / "postmaster.pid",
                     std::format("{}\n{}\n1795000000\n5433\n{}\n*\n  1234 5\nready   \n", ::getpid(), path, path));
    test::write_file(directory / ".s.PGSQL.5433.lock", "x");
    test::write_file(directory / ".s.PGSQL.5432.lock", "x");
  };
  const auto left = [&](const char* name) { return std::filesystem::exists(directory / name); };
  CHECK_FALSE(remove_stale_locks(path));
  CHECK_FALSE(remove_stale_locks(""));
  leave();
  CHECK(remove_stale_locks(path));
  CHECK_FALSE(left("postmaster.pid"));
  CHECK_FALSE(left(".s.PGSQL.5433.lock"));
  CHECK(left(".s.PGSQL.5432.lock"));
  test::write_file(directory / "postmaster.pid", "");
  CHECK(remove_stale_locks(path));
}

TEST_CASE("a server is seen, whoever its parent is") {
  const test::TemporaryDirectory directory;
  std::filesystem::copy_file("/bin/sleep", directory / "postmaster");
  const auto server = spawn({.argv = {"/bin/sh", "-c", (directory / "postmaster").string() + " 60 & wait"}, .env = {}});
  REQUIRE(server);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!any_server_runs()) REQUIRE(std::chrono::steady_clock::now() < end);
  const std::vector<Process> below = descendants();
  for (const Process& process : below) ::kill(process.pid, SIGKILL);
  CHECK(std::ranges::any_of(below, is_of_server));
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(*server), &info, WEXITED) == 0);
}

TEST_CASE("children are seen with their programs, and those that have ended are taken in with their exit codes") {
  const auto quiet = spawn({.argv = {"/bin/sleep", "60"}, .env = {}});
  const auto quick = spawn({.argv = {"sh", "-c", "exit 7"}, .env = {"PATH=/nowhere:/bin"}});
  REQUIRE(quiet);
  REQUIRE(quick);
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(*quick), &info, WEXITED | WNOWAIT) == 0);
  const std::vector<Process> seen = children();
  const auto has = [&](pid_t pid) { return std::ranges::contains(seen, pid, &Process::pid); };
  CHECK(has(*quiet));
  CHECK_FALSE(has(*quick));  // a zombie
  CHECK(user_of(*quick) == ::geteuid());
  std::vector<std::pair<pid_t, int>> ended;
  reap([&](pid_t pid, int code) { ended.emplace_back(pid, code); });
  CHECK(ended == std::vector<std::pair<pid_t, int>>{{*quick, 7}});
  CHECK_FALSE(user_of(*quick));
  CHECK(program_of(*quick).empty());
  ::kill(*quiet, SIGKILL);
  REQUIRE(::waitid(P_PID, static_cast<id_t>(*quiet), &info, WEXITED | WNOWAIT) == 0);
  reap([&](pid_t, int code) { CHECK(code == 128 + SIGKILL); });
}

TEST_CASE("a program that there isn't is not found") {
  CHECK(spawn({.argv = {"/nowhere/x"}, .env = {}}).error().code() == Errc::not_found);
  CHECK(spawn({.argv = {"no-such-program"}, .env = {"PATH=/bin"}}).error().code() == Errc::not_found);
}

}  // namespace
}  // namespace davit::supervise
