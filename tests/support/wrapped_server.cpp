#include "support/wrapped_server.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <cctype>
#include <filesystem>
#include <format>
#include <fstream>
#include <sstream>
#include <thread>

#include "supervise/control_socket.hpp"
#include "supervise/supervisor.hpp"

namespace davit::test {
namespace {

using namespace std::chrono_literals;
using Kind = supervise::Request::Kind;

constexpr const char* kServer = R"(#!/bin/sh
trap 'rm -f "$PGDATA/postmaster.pid"; exit 0' INT
trap 'exit 41' TERM
trap 'exit 43' QUIT
trap 'echo reload >> "$PGDATA/heard"' HUP
echo "$$" >> "$PGDATA/servers"
[ ! -e "$PGDATA/broken" ] || exit 9
printf '%s\n%s\n1\n5432\n/run\n*\n 1 1\nready   \n' $$ "$PGDATA" > "$PGDATA/postmaster.pid"
while :; do sleep 0.02; done
)";

}  // namespace

void wait_until(const std::string& what, const std::function<bool()>& condition, std::chrono::seconds within) {
  const auto end = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    INFO("waiting for " << what);
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(5ms);
  }
}

std::vector<SeenProcess> all_processes() {
  std::vector<SeenProcess> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (!std::ranges::all_of(name, [](unsigned char c) { return std::isdigit(c) != 0; })) continue;
    // One that has ended since it was listed can be opened, and not read.
    std::ifstream file(entry.path() / "stat");
    std::string text;
    std::getline(file, text);
    const auto close = text.rfind(')');
    if (close == std::string::npos) continue;
    SeenProcess seen{.pid = std::stoi(name), .parent = 0, .state = '?'};
    std::istringstream(text.substr(close + 1)) >> seen.state >> seen.parent;
    all.push_back(seen);
  }
  return all;
}

WrappedServer::WrappedServer(const std::string& entrypoint, supervise::OnExit on_exit) {
  scripts(entrypoint);
  start(on_exit, {(directory / "entrypoint").string(), "one word", ""});
}

WrappedServer::WrappedServer(const std::function<void(const WrappedServer&)>& before,
                             const std::vector<std::string>& words) {
  scripts("exec ./postgres");
  before(*this);
  std::vector<std::string> argv{(directory / "entrypoint").string()};
  argv.insert(argv.end(), words.begin(), words.end());
  start(supervise::OnExit::exit, argv);
}

WrappedServer::WrappedServer(supervise::OnExit on_exit, const std::vector<std::string>& argv) { start(on_exit, argv); }

WrappedServer::~WrappedServer() {
  if (pid == 0) return;
  for (const SeenProcess& seen : all_processes())
    if (seen.parent == pid) ::kill(seen.pid, SIGKILL);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

void WrappedServer::script(const std::string& name, const std::string& text) const {
  write_file(directory / name, text);
  ::chmod((directory / name).c_str(), 0755);
}

Result<supervise::Status> WrappedServer::ask(Kind kind, supervise::StopMode mode) const {
  return supervise::ask(socket, {.kind = kind, .mode = mode}, 5s);
}

supervise::Status WrappedServer::status() const {
  const auto answer = ask(Kind::status);
  REQUIRE(answer);
  return *answer;
}

void WrappedServer::wait_for(supervise::State state) const {
  wait_until("state " + std::string(name_of(state)), [&] {
    const auto answer = ask(Kind::status);
    return answer && answer->state == state;
  });
}

void WrappedServer::wait_for_file(const std::string& name) const {
  wait_until("file " + name, [&] { return std::filesystem::exists(directory / name); });
}

supervise::Ask WrappedServer::asks() const {
  return [this](const supervise::Request& request) { return supervise::ask(socket, request, 5s); };
}

int WrappedServer::ended() {
  int status = 0;
  wait_until("the wrapper to end", [&] { return ::waitpid(pid, &status, WNOHANG) == pid; });
  pid = 0;
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

void WrappedServer::scripts(const std::string& entrypoint) const {
  script("postgres", kServer);
  script("entrypoint", "#!/bin/sh\ncd \"$PGDATA\"\n" + entrypoint + "\n");
}

void WrappedServer::start(supervise::OnExit on_exit, const std::vector<std::string>& argv) {
  static std::atomic<int> count{0};
  socket = std::format("davit-test-{}-{}", ::getpid(), ++count);
  pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid > 0) return;
  // As a careless parent would have left it.
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  ::signal(SIGUSR1, SIG_IGN);
  ::signal(SIGCHLD, SIG_IGN);
  const Clock clock;
  std::ofstream log(directory / "log");
  const auto code = supervise::supervise(
      {.command = {.argv = argv,
                   .env = {"PATH=/usr/bin:/bin", "PGDATA=" + directory.path().string(), "GREETING=good morning"}},
       .on_exit = on_exit,
       .socket = socket,
       .say = [&](std::string_view line) { log << line << std::endl; },
       .clock = clock});
  ::_exit(code ? *code : 100 + static_cast<int>(code.error().code()));
}

}  // namespace davit::test
