// The wrapper with real processes: maintenance, and what is asked for through its control socket.

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstring>
#include <filesystem>

#include "supervise/client.hpp"
#include "supervise/control_socket.hpp"
#include "supervise/supervisor.hpp"
#include "support/wrapped_server.hpp"

namespace davit::supervise {
namespace {

using namespace std::chrono_literals;
using test::WrappedServer;
using Kind = Request::Kind;

TEST_CASE("a stop through the socket leaves the wrapper in maintenance, from where the server starts again") {
  WrappedServer wrapped;
  wrapped.wait_for(State::running);
  const Clock clock;
  const Status before = wrapped.status();
  const auto stopped = stop_server(wrapped.asks(), StopMode::fast, {.clock = clock});
  REQUIRE(stopped);
  CHECK(stopped->last_exit->code == 0);
  CHECK_FALSE(stopped->pid);
  CHECK(::kill(*before.pid, 0) != 0);
  // Once more: there is nothing to be done.
  CHECK(stop_server(wrapped.asks(), StopMode::fast, {.clock = clock}));
  const auto started = start_server(wrapped.asks(), {.clock = clock});
  REQUIRE(started);
  CHECK(started->pid != before.pid);
  CHECK(started->starts == 2);
  CHECK(std::to_string(*started->pid) + "\n" == wrapped.file("servers").substr(wrapped.file("servers").find('\n') + 1));
  const auto restarted = restart_server(wrapped.asks(), StopMode::immediate, {.clock = clock});
  REQUIRE(restarted);
  CHECK(restarted->starts == 3);
  CHECK(restarted->last_exit->code == 43);
  REQUIRE(stop_server(wrapped.asks(), StopMode::smart, {.clock = clock}));
  CHECK(wrapped.status().last_exit->code == 41);
  ::kill(wrapped.pid, SIGTERM);
  CHECK(wrapped.ended() == 0);
  CHECK(wrapped.file("log").contains("stays in maintenance"));
}

TEST_CASE("a crash ends the wrapper with the server's code, or leaves it in maintenance") {
  WrappedServer leaves;
  leaves.wait_for(State::running);
  ::kill(*leaves.status().pid, SIGKILL);
  CHECK(leaves.ended() == 137);

  WrappedServer stays("exec ./postgres", OnExit::stay);
  stays.wait_for(State::running);
  ::kill(*stays.status().pid, SIGKILL);
  stays.wait_for(State::maintenance);
  CHECK(stays.status().last_exit->code == 137);
  const Clock clock;
  CHECK(start_server(stays.asks(), {.clock = clock}));
  ::kill(stays.pid, SIGINT);
  CHECK(stays.ended() == 0);
}

TEST_CASE("a server that can't be started from maintenance leaves it there, and can be when it is mended") {
  WrappedServer wrapped;
  wrapped.wait_for(State::running);
  const Clock clock;
  REQUIRE(stop_server(wrapped.asks(), StopMode::fast, {.clock = clock}));
  test::write_file(wrapped.directory / "broken", "");
  const auto started = start_server(wrapped.asks(), {.clock = clock});
  REQUIRE_FALSE(started);
  CHECK(started.error().message().contains("ended with exit code 9 while it was starting"));
  std::filesystem::rename(wrapped.directory / "entrypoint", wrapped.directory / "away");
  const auto gone = start_server(wrapped.asks(), {.clock = clock});
  REQUIRE_FALSE(gone);
  CHECK(gone.error().message().contains("no such file or directory"));
  std::filesystem::rename(wrapped.directory / "away", wrapped.directory / "entrypoint");
  std::filesystem::remove(wrapped.directory / "broken");
  CHECK(start_server(wrapped.asks(), {.clock = clock}));
  ::kill(wrapped.pid, SIGTERM);
  CHECK(wrapped.ended() == 0);
}

TEST_CASE("a server that obeys nothing keeps davit waiting, and no longer than it wants to") {
  WrappedServer wrapped;
  const Clock clock;
  wrapped.wait_for(State::running);
  wrapped.script("postgres.new", "#!/bin/sh\ntrap '' INT TERM\necho x > up; while :; do sleep 0.02; done\n");
  std::filesystem::rename(wrapped.directory / "postgres.new", wrapped.directory / "postgres");
  REQUIRE(stop_server(wrapped.asks(), StopMode::fast, {.clock = clock}));
  REQUIRE(wrapped.ask(Kind::start));
  wrapped.wait_for_file("up");
  const auto stopped = stop_server(wrapped.asks(), StopMode::fast, {.timeout = 300ms, .clock = clock});
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code() == Errc::unavailable);
  CHECK(wrapped.status().state == State::stopping);
  CHECK(stop_server(wrapped.asks(), StopMode::immediate, {.clock = clock}));
  ::kill(wrapped.pid, SIGTERM);
  CHECK(wrapped.ended() == 0);
}

TEST_CASE("one container has one wrapper") {
  WrappedServer first;
  first.wait_for(State::running);
  const auto second = ControlSocket::listen(first.socket);
  REQUIRE_FALSE(second);
  CHECK(second.error().code() == Errc::exists);
  ::kill(first.pid, SIGTERM);
  CHECK(first.ended() == 0);
  // And its name is free again.
  CHECK(ControlSocket::listen(first.socket));
  CHECK(supervise::ask(first.socket + "-none", {}).error().code() == Errc::not_found);
}

UniqueFd connect_to(const std::string& name) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
  return fd;
}

TEST_CASE("whoever connects and says nothing, or nonsense, keeps nobody else out") {
  WrappedServer wrapped;
  wrapped.wait_for(State::running);
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 40; ++i) {
    silent.push_back(connect_to(wrapped.socket));
    REQUIRE(wrapped.ask(Kind::status));
  }
  const UniqueFd rude = connect_to(wrapped.socket);
  REQUIRE(::send(rude.get(), "explode", 7, 0) == 7);
  std::string answer(4096, '\0');
  const ssize_t count = ::recv(rude.get(), answer.data(), answer.size(), 0);
  REQUIRE(count > 0);
  answer.resize(static_cast<std::size_t>(count));
  CHECK(parse_answer(answer).error().message() == "the request can't be read: explode");
  CHECK(::recv(rude.get(), answer.data(), answer.size(), 0) == 0);
  CHECK(wrapped.status().state == State::running);
  ::kill(wrapped.pid, SIGTERM);
  CHECK(wrapped.ended() == 0);
}

TEST_CASE("orders are taken from root, the wrapper's user and the server's, and from nobody else") {
  if (::geteuid() != 0) SKIP("needs root");
  constexpr uid_t kServerUser = 4711;
  constexpr uid_t kOther = 4712;
  WrappedServer wrapped("chmod 777 . ; exec setpriv --reuid 4711 --clear-groups ./postgres");
  ::chmod(wrapped.directory.path().c_str(), 0777);
  wrapped.wait_for(State::running);
  const auto ask_as = [&](uid_t user) {
    const pid_t asker = ::fork();
    REQUIRE(asker >= 0);
    if (asker == 0) {
      if (::setresuid(user, user, user) != 0) ::_exit(99);
      const auto answer = wrapped.ask(Kind::status);
      ::_exit(answer ? 0 : 1 + static_cast<int>(answer.error().code()));
    }
    int status = 0;
    ::waitpid(asker, &status, 0);
    return WEXITSTATUS(status);
  };
  CHECK(ask_as(0) == 0);
  CHECK(ask_as(kServerUser) == 0);
  CHECK(ask_as(kOther) == 1 + static_cast<int>(Errc::credentials));
  // Also when it doesn't run any more.
  const Clock clock;
  REQUIRE(stop_server(wrapped.asks(), StopMode::fast, {.clock = clock}));
  CHECK(ask_as(kServerUser) == 0);
  CHECK(ask_as(kOther) == 1 + static_cast<int>(Errc::credentials));
  ::kill(wrapped.pid, SIGTERM);
  CHECK(wrapped.ended() == 0);
}

}  // namespace
}  // namespace davit::supervise
