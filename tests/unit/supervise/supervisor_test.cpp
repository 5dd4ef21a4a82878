// The wrapper with real processes: each test forks one, whose server is a script that is called postgres.

#include "supervise/supervisor.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstring>
#include <format>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "supervise/claim.hpp"
#include "supervise/client.hpp"
#include "supervise/control_socket.hpp"
#include "supervise/processes.hpp"
#include "support/temporary_directory.hpp"

namespace davit::supervise {
namespace {

using namespace std::chrono_literals;
using Kind = Request::Kind;

void wait_until(const std::string& what, const std::function<bool()>& condition, std::chrono::seconds within = 20s) {
  const auto end = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    INFO("waiting for " << what);
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(5ms);
  }
}

// Parent and state of every process, of /proc/PID/stat.
struct Seen {
  pid_t pid;
  pid_t parent;
  char state;
};
std::vector<Seen> all_processes() {
  std::vector<Seen> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (!std::ranges::all_of(name, [](unsigned char c) { return std::isdigit(c) != 0; })) continue;
    const std::string text = test::read_file(entry.path() / "stat");
    const auto close = text.rfind(')');
    if (close == std::string::npos) continue;
    Seen seen{.pid = std::stoi(name), .parent = 0, .state = '?'};
    std::istringstream(text.substr(close + 1)) >> seen.state >> seen.parent;
    all.push_back(seen);
  }
  return all;
}

// A server: it says when it is ready, ends well when it is asked to be fast, and otherwise by the signal's number.
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

class Wrapped {
 public:
  // `entrypoint` is a script that is run before the server, in the directory of the server's data.
  explicit Wrapped(const std::string& entrypoint = "exec ./postgres", OnExit on_exit = OnExit::exit) {
    scripts(entrypoint);
    start(on_exit, {(directory / "entrypoint").string(), "one word", ""});
  }
  // `before` sees to the directory of the data first; `words` are what the entrypoint is asked for.
  Wrapped(const std::function<void(const Wrapped&)>& before, const std::vector<std::string>& words) {
    scripts("exec ./postgres");
    before(*this);
    std::vector<std::string> argv{(directory / "entrypoint").string()};
    argv.insert(argv.end(), words.begin(), words.end());
    start(OnExit::exit, argv);
  }
  Wrapped(OnExit on_exit, const std::vector<std::string>& argv) { start(on_exit, argv); }
  Wrapped(const Wrapped&) = delete;
  Wrapped& operator=(const Wrapped&) = delete;
  ~Wrapped() {
    if (pid == 0) return;
    // A test that has failed: nothing of it stays.
    for (const Seen& seen : all_processes())
      if (seen.parent == pid) ::kill(seen.pid, SIGKILL);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }

  void script(const std::string& name, const std::string& text) const {
    test::write_file(directory / name, text);
    ::chmod((directory / name).c_str(), 0755);
  }
  std::string file(const std::string& name) const { return test::read_file(directory / name); }
  Result<Status> ask(Kind kind, StopMode mode = StopMode::fast) const {
    return supervise::ask(socket, {.kind = kind, .mode = mode}, 5s);
  }
  Status status() const {
    const auto answer = ask(Kind::status);
    REQUIRE(answer);
    return *answer;
  }
  void wait_for(State state) const {
    wait_until("state " + std::string(name_of(state)), [&] {
      const auto answer = ask(Kind::status);
      return answer && answer->state == state;
    });
  }
  void wait_for_file(const std::string& name) const {
    wait_until("file " + name, [&] { return std::filesystem::exists(directory / name); });
  }
  Ask asks() const {
    return [this](const Request& request) { return supervise::ask(socket, request, 5s); };
  }
  // Its exit code, which is 100 + that of the error if it returned one.
  int ended() {
    int status = 0;
    wait_until("the wrapper to end", [&] { return ::waitpid(pid, &status, WNOHANG) == pid; });
    pid = 0;
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
  }

  test::TemporaryDirectory directory;
  std::string socket;
  pid_t pid = 0;

 private:
  void scripts(const std::string& entrypoint) const {
    script("postgres", kServer);
    script("entrypoint", "#!/bin/sh\ncd \"$PGDATA\"\n" + entrypoint + "\n");
  }
  void start(OnExit on_exit, const std::vector<std::string>& argv) {
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
    const auto code = supervise(
        {.command = {.argv = argv,
                     .env = {"PATH=/usr/bin:/bin", "PGDATA=" + directory.path().string(), "GREETING=good morning"}},
         .on_exit = on_exit,
         .socket = socket,
         .say = [&](std::string_view line) { log << line << std::endl; },
         .clock = clock});
    ::_exit(code ? *code : 100 + static_cast<int>(code.error().code()));
  }
};

TEST_CASE("the wrapper ends with its child's exit code") {
  const auto [script, code] = GENERATE(table<std::string, int>(
      {{"exit 0", 0}, {"exit 7", 7}, {"kill -9 $$", 137}, {"kill -TERM $$", 143}, {"exec ./none", 127}}));
  CHECK(Wrapped(script + " 2>/dev/null").ended() == code);
}

TEST_CASE("the child has its arguments, its environment and no signal blocked or ignored") {
  Wrapped wrapped("printf '%s,' \"$@\" \"$GREETING\" > args; grep -E '^Sig(Blk|Ign)' /proc/self/status > signals");
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
  CHECK(Wrapped(OnExit::stay, {"/nowhere/entrypoint"}).ended() == 100 + static_cast<int>(Errc::not_found));
}

TEST_CASE("a server is asked to end fast, and other signals reach it as they are") {
  const int signal = GENERATE(SIGTERM, SIGINT);
  Wrapped wrapped;
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
  Wrapped wrapped(
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
  Wrapped wrapped(
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
  Wrapped wrapped(
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
  Wrapped wrapped(
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
  Wrapped wrapped("trap '' TERM; echo x > deaf; while [ ! -e told ]; do sleep 0.01; done; exec ./postgres");
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
  const Wrapped wrapped(
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
  const auto before = [&](const Wrapped& wrapped) {
    test::write_file(wrapped.directory / "postmaster.pid", "999999\n");
    REQUIRE(next_door.take(wrapped.directory.path().string()) == DirectoryClaim::Holder::us);
  };
  SECTION("no server is started there") {
    const std::vector<std::string> words =
        GENERATE(std::vector<std::string>{"postgres", "-c", "x=y"}, std::vector<std::string>{"-c", "x=y"});
    Wrapped wrapped(before, words);
    CHECK(wrapped.ended() == 100 + static_cast<int>(Errc::locked));
    CHECK(wrapped.file("postmaster.pid") == "999999\n");
    CHECK_FALSE(std::filesystem::exists(wrapped.directory / "servers"));
  }
  SECTION("anything else is, and that server's lock stays") {
    Wrapped wrapped(
        [&](const Wrapped& each) {
          before(each);
          each.script("postgres", "#!/bin/sh\ncp postmaster.pid seen\n");
        },
        {"psql"});
    CHECK(wrapped.ended() == 0);
    CHECK(wrapped.file("seen") == "999999\n");
  }
  SECTION("it is free again with its holder") {
    Wrapped first;
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
  const Wrapped wrapped(
      [](const Wrapped& each) {
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
  Wrapped wrapped("i=0; while [ $i -lt 1000 ]; do (sleep 0.2 &); i=$((i+1)); done; echo x > orphaned; exec ./postgres");
  wrapped.wait_for_file("orphaned");
  wrapped.wait_for(State::running);
  const pid_t server = *wrapped.status().pid;
  wait_until("the orphans to go", [&] {
    return std::ranges::none_of(all_processes(),
                                [&](const Seen& seen) { return seen.parent == wrapped.pid && seen.pid != server; });
  });
  CHECK(wrapped.status().state == State::running);
  ::kill(wrapped.pid, SIGTERM);
  CHECK(wrapped.ended() == 0);
}

TEST_CASE("a stop through the socket leaves the wrapper in maintenance, from where the server starts again") {
  Wrapped wrapped;
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
  Wrapped leaves;
  leaves.wait_for(State::running);
  ::kill(*leaves.status().pid, SIGKILL);
  CHECK(leaves.ended() == 137);

  Wrapped stays("exec ./postgres", OnExit::stay);
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
  Wrapped wrapped;
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
  Wrapped wrapped;
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
  Wrapped first;
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
  Wrapped wrapped;
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
  Wrapped wrapped("chmod 777 . ; exec setpriv --reuid 4711 --clear-groups ./postgres");
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
