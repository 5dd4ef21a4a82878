#include "supervise/machine.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <csignal>
#include <format>

namespace davit::supervise {
namespace {

using namespace std::chrono_literals;
using Kind = Request::Kind;

// What is done, as text: log lines are left out.
std::string text_of(const Actions& actions) {
  std::string text;
  for (const Action& action : actions) {
    std::string one;
    if (std::holds_alternative<Spawn>(action)) one = "spawn";
    if (const auto* kill = std::get_if<Kill>(&action)) one = std::format("kill {}", kill->signal);
    if (std::holds_alternative<Drain>(action)) one = "drain";
    if (const auto* exit = std::get_if<Exit>(&action)) one = std::format("exit {}", exit->code);
    if (!one.empty()) text += (text.empty() ? "" : ", ") + one;
  }
  return text;
}

const std::string kInt = std::format("kill {}", SIGINT);
const std::string kTerm = std::format("kill {}", SIGTERM);
const std::string kQuit = std::format("kill {}", SIGQUIT);

// A machine, and a clock that its events move on by a second each.
class Bench {
 public:
  explicit Bench(OnExit on_exit = OnExit::exit) : machine_(on_exit, now()) {}

  Machine::Moment now() const { return {.wall = TimePoint(1000s + passed_), .steady = SteadyTime(1000s + passed_)}; }
  void pass(std::chrono::milliseconds time) { passed_ += time; }
  std::string tick(bool leftovers = false) { return text_of(machine_.tick(leftovers, now())); }
  std::string spawned(int pid) { return text_of(machine_.spawned(pid, now())); }
  std::string seen() { return text_of(machine_.server_seen(now())); }
  std::string accepts(std::optional<bool> yes = true) { return text_of(machine_.accepts(yes, now())); }
  std::string ends(int code) { return text_of(machine_.child_ended(code, now())); }
  std::string signal(int number) { return text_of(machine_.signalled(number, now())); }
  std::string drained() { return text_of(machine_.drained()); }
  std::string ask(Kind kind, StopMode mode = StopMode::fast) {
    const auto actions = machine_.requested({.kind = kind, .mode = mode}, now());
    return actions ? text_of(*actions) : "refused: " + std::string(davit::name_of(actions.error().code()));
  }
  Status status() const { return machine_.status(); }
  State state() const { return machine_.status().state; }
  Machine& machine() { return machine_; }

  // Until the server accepts connections.
  void run(int pid = 7) {
    REQUIRE(tick() == "spawn");
    REQUIRE(spawned(pid).empty());
    REQUIRE(seen().empty());
    REQUIRE(accepts().empty());
    REQUIRE(state() == State::running);
  }
  // Until it is stopped through davit.
  void rest() {
    run();
    REQUIRE(ask(Kind::stop) == kInt);
    REQUIRE(ends(0).empty());
    REQUIRE(state() == State::maintenance);
  }

 private:
  std::chrono::milliseconds passed_{0};
  Machine machine_;
};

TEST_CASE("a start goes from the image's entrypoint over the server to one that accepts connections") {
  Bench bench;
  CHECK(bench.state() == State::starting);
  CHECK(bench.machine().watch() == Machine::Watch::start);
  REQUIRE(bench.tick() == "spawn");
  bench.spawned(7);
  CHECK(bench.status().pid == 7);
  CHECK(bench.status().accepting == false);
  CHECK(bench.machine().watch() == Machine::Watch::program);
  bench.seen();
  CHECK(bench.machine().watch() == Machine::Watch::accepts);
  bench.accepts(false);
  CHECK(bench.state() == State::starting);
  bench.pass(5s);
  bench.accepts(true);
  CHECK(bench.state() == State::running);
  CHECK(bench.status().since == TimePoint(1005s));
  CHECK(bench.status().starts == 1);
  CHECK(bench.machine().watch() == Machine::Watch::nothing);
}

TEST_CASE("a server of which nothing can be known counts as running, and says that it isn't known") {
  Bench bench;
  bench.tick();
  bench.spawned(7);
  bench.seen();
  bench.accepts(std::nullopt);
  CHECK(bench.state() == State::running);
  CHECK_FALSE(bench.status().accepting);
}

TEST_CASE("signals that end the container stop the server fast, and it ends with the server's code") {
  const auto [signal, sent] = GENERATE(table<int, std::string>({{SIGTERM, kInt}, {SIGINT, kInt}, {SIGQUIT, kQuit}}));
  const OnExit policy = GENERATE(OnExit::exit, OnExit::stay);
  Bench bench(policy);
  bench.run();
  CHECK(bench.signal(signal) == sent);
  CHECK(bench.state() == State::stopping);
  CHECK(bench.ends(3) == "drain");
  CHECK(bench.machine().watch() == Machine::Watch::drain);
  CHECK(bench.drained() == "exit 3");
}

TEST_CASE("another signal goes on to the child, and to nobody where there is none") {
  Bench bench;
  bench.run();
  CHECK(bench.signal(SIGHUP) == std::format("kill {}", SIGHUP));
  CHECK(bench.state() == State::running);
  bench.ask(Kind::stop);
  bench.ends(0);
  CHECK(bench.signal(SIGHUP).empty());
  CHECK(bench.state() == State::maintenance);
}

TEST_CASE("an entrypoint at its preparations is ended by the signal that shells obey") {
  const auto [signal, sent] = GENERATE(table<int, std::string>({{SIGTERM, kTerm}, {SIGINT, kTerm}, {SIGQUIT, kQuit}}));
  Bench bench(OnExit::stay);
  bench.tick();
  bench.spawned(7);
  CHECK(bench.signal(signal) == sent);
  CHECK(bench.ends(128 + SIGTERM) == "drain");
  CHECK(bench.drained() == "exit 143");
}

TEST_CASE("a server that took the place of an entrypoint that was told to end is stopped fast") {
  Bench bench;
  bench.tick();
  bench.spawned(7);
  CHECK(bench.signal(SIGTERM) == kTerm);
  CHECK(bench.machine().watch() == Machine::Watch::program);
  CHECK(bench.seen() == kInt);
  CHECK(bench.ends(0) == "drain");
}

TEST_CASE("a second signal can make a stop firmer") {
  Bench bench;
  bench.run();
  CHECK(bench.ask(Kind::stop, StopMode::smart) == kTerm);
  CHECK(bench.signal(SIGTERM) == kInt);
  CHECK(bench.signal(SIGQUIT) == kQuit);
  // What davit was asked before doesn't count any more: the container ends.
  CHECK(bench.ends(0) == "drain");
  CHECK(bench.drained() == "exit 0");
}

TEST_CASE("a stop through davit leaves the container in maintenance, whatever the policy and the exit code") {
  const OnExit policy = GENERATE(OnExit::exit, OnExit::stay);
  const auto [mode, sent] = GENERATE(
      table<StopMode, std::string>({{StopMode::smart, kTerm}, {StopMode::fast, kInt}, {StopMode::immediate, kQuit}}));
  Bench bench(policy);
  bench.run();
  CHECK(bench.ask(Kind::stop, mode) == sent);
  CHECK(bench.state() == State::stopping);
  bench.pass(2s);
  CHECK(bench.ends(2).empty());
  CHECK(bench.state() == State::maintenance);
  CHECK(bench.status().since == TimePoint(1002s));
  CHECK(bench.status().last_exit == Ending{.code = 2, .at = TimePoint(1002s)});
  CHECK_FALSE(bench.status().pid);
  CHECK_FALSE(bench.status().problem);
  CHECK(bench.machine().watch() == Machine::Watch::nothing);
  // And from there, the container's end needs nobody.
  CHECK(bench.signal(SIGTERM) == "drain");
  CHECK(bench.drained() == "exit 0");
}

TEST_CASE("any other end is up to the policy") {
  const int code = GENERATE(0, 1, 128 + SIGKILL);
  Bench leaves(OnExit::exit);
  leaves.run();
  CHECK(leaves.ends(code) == "drain");
  CHECK(leaves.drained() == std::format("exit {}", code));
  Bench stays(OnExit::stay);
  stays.run();
  CHECK(stays.ends(code).empty());
  CHECK(stays.state() == State::maintenance);
  CHECK(stays.status().last_exit->code == code);
}

TEST_CASE("so is one that comes before the server was ready in a container's first start") {
  Bench leaves(OnExit::exit);
  leaves.tick();
  leaves.spawned(7);
  CHECK(leaves.ends(1) == "drain");
  Bench stays(OnExit::stay);
  stays.tick();
  stays.spawned(7);
  CHECK(stays.ends(1).empty());
  CHECK(stays.state() == State::maintenance);
}

TEST_CASE("a start from maintenance spawns, and what is ready is as any server") {
  Bench bench(OnExit::exit);
  bench.rest();
  CHECK(bench.ask(Kind::start).empty());
  CHECK(bench.state() == State::starting);
  CHECK(bench.tick() == "spawn");
  bench.spawned(9);
  bench.seen();
  bench.accepts();
  CHECK(bench.status().starts == 2);
  CHECK(bench.status().last_exit->code == 0);
  CHECK(bench.ends(128 + SIGKILL) == "drain");
}

TEST_CASE("a start through davit that fails leads back to maintenance, and is not repeated at once") {
  Bench bench(OnExit::exit);
  bench.rest();
  bench.ask(Kind::start);
  REQUIRE(bench.tick() == "spawn");
  bench.spawned(9);
  bench.seen();
  CHECK(bench.ends(1).empty());
  CHECK(bench.state() == State::maintenance);
  CHECK(bench.status().problem == "the server ended with exit code 1 while it was starting");
  int spawns = 0;
  for (int i = 0; i < 100; ++i) {
    bench.ask(Kind::start);
    if (bench.tick() == "spawn") {
      ++spawns;
      bench.spawned(10 + i);
      bench.ends(1);
    }
    bench.pass(100ms);
  }
  CHECK(spawns >= 9);
  CHECK(spawns <= 11);
}

TEST_CASE("a program that can't be started any more is told, and the container stays") {
  Bench bench(OnExit::exit);
  bench.rest();
  bench.ask(Kind::start);
  REQUIRE(bench.tick() == "spawn");
  CHECK(text_of(bench.machine().not_spawned(Error(Errc::not_found, "start x: gone"), bench.now())).empty());
  CHECK(bench.state() == State::maintenance);
  CHECK(bench.status().problem == "start x: gone");
  bench.ask(Kind::start);
  CHECK_FALSE(bench.status().problem);
}

TEST_CASE("what is left of a crashed server is waited for before the next one starts, but not for ever") {
  Bench bench(OnExit::stay);
  bench.run();
  bench.ends(128 + SIGKILL);
  bench.ask(Kind::start);
  CHECK(bench.tick(true).empty());
  bench.pass(9s);
  CHECK(bench.tick(true).empty());
  CHECK(bench.state() == State::starting);
  bench.pass(2s);
  CHECK(bench.tick(true) == "spawn");
}

TEST_CASE("a restart stops and starts without a moment of maintenance") {
  Bench bench(OnExit::exit);
  bench.run();
  CHECK(bench.ask(Kind::restart, StopMode::immediate) == kQuit);
  CHECK(bench.state() == State::stopping);
  CHECK(bench.ends(0).empty());
  CHECK(bench.state() == State::starting);
  CHECK(bench.tick() == "spawn");
  bench.spawned(8);
  bench.seen();
  bench.accepts();
  CHECK(bench.status().starts == 2);
  // The next stop is one again.
  bench.ask(Kind::stop);
  bench.ends(0);
  CHECK(bench.state() == State::maintenance);
}

TEST_CASE("of what is asked while the server stops, the last counts") {
  Bench bench;
  bench.run();
  bench.ask(Kind::restart);
  CHECK(bench.ask(Kind::stop, StopMode::immediate) == kQuit);
  bench.ends(0);
  CHECK(bench.state() == State::maintenance);

  Bench other;
  other.run();
  other.ask(Kind::stop);
  CHECK(other.ask(Kind::start).empty());
  other.ends(0);
  CHECK(other.tick() == "spawn");
}

TEST_CASE("what is asked for already is nothing to be done") {
  Bench bench;
  bench.run();
  CHECK(bench.ask(Kind::start).empty());
  CHECK(bench.ask(Kind::status).empty());
  CHECK(bench.state() == State::running);
  // That start must not be remembered.
  bench.ask(Kind::stop);
  bench.ends(0);
  CHECK(bench.state() == State::maintenance);
  CHECK(bench.ask(Kind::stop).empty());
  CHECK(bench.state() == State::maintenance);
  CHECK(bench.ask(Kind::restart).empty());
  CHECK(bench.tick() == "spawn");
}

TEST_CASE("an entrypoint at its preparations is not broken off by davit") {
  Bench bench;
  bench.tick();
  bench.spawned(7);
  CHECK(bench.ask(Kind::stop) == "refused: locked");
  CHECK(bench.ask(Kind::restart) == "refused: locked");
  CHECK(bench.ask(Kind::start).empty());
  bench.seen();
  CHECK(bench.ask(Kind::stop) == kInt);
}

TEST_CASE("a start that has not begun can be taken back") {
  Bench bench(OnExit::stay);
  bench.run();
  bench.ends(1);
  bench.ask(Kind::start);
  CHECK(bench.tick(true).empty());
  bench.ask(Kind::stop);
  CHECK(bench.state() == State::maintenance);
  CHECK(bench.tick().empty());
}

TEST_CASE("a container that ends takes no more orders, and tells its state") {
  Bench bench;
  bench.run();
  bench.signal(SIGTERM);
  CHECK(bench.ask(Kind::start) == "refused: unavailable");
  CHECK(bench.ask(Kind::stop) == "refused: unavailable");
  CHECK(bench.ask(Kind::status).empty());
  CHECK(bench.state() == State::stopping);
  bench.ends(0);
  CHECK(bench.ask(Kind::restart) == "refused: unavailable");
  CHECK(bench.signal(SIGTERM).empty());
}

}  // namespace
}  // namespace davit::supervise
