#include "helper/guard/guard.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "helper/guard/guard_spec.hpp"
#include "helper/guard/journal_file.hpp"
#include "support/guard_engine.hpp"
#include "support/lives.hpp"
#include "support/quiet_run.hpp"
#include "support/skipping_clock.hpp"

using namespace davit;
using namespace davit::helper;
using namespace std::chrono_literals;
using davit::test::QuietRun;
using nlohmann::json;

namespace {

constexpr const char* kName = "davit-guard-shop";

struct Fixture {
  test::GuardEngine engine;
  test::TemporaryDirectory directory;
  QuietRun run;
  std::vector<std::string> alive{"0123456789abcdef", "other"};
  std::unique_ptr<Host> host;

  Fixture() {
    engine.add_image("busybox");
    test::write_file(directory / "program", "davit");
    Host::Options how;
    how.image = "busybox";
    how.program = directory / "program";
    host = std::make_unique<Host>(engine, how);
  }
  GuardOptions options() {
    return {.stack = "shop", .command = "backup", .engine_socket = "/run/docker.sock", .is_alive = test::lives(alive)};
  }
  Result<std::unique_ptr<Guard>> acquire(QuietRun& by, std::chrono::seconds wait = 0s) {
    GuardOptions how = options();
    how.lock_wait = wait;
    return Guard::acquire(*host, how, by.context);
  }
  std::unique_ptr<Guard> acquired() {
    auto guard = acquire(run);
    if (!guard) FAIL(guard.error().message());
    return *std::move(guard);
  }
  // A guard of run "other", as it is found.
  void found(const std::string& status, int exit_code = 0, TimePoint since = Clock().now()) {
    engine::ContainerInfo info;
    info.name = kName;
    info.labels = {{"davit.role", "guard"},
                   {"davit.run", "other"},
                   {"davit.stack", "shop"},
                   {"davit.command", "restore"},
                   {"davit.since", render_rfc3339(since)}};
    info.state.status = status;
    info.state.exit_code = exit_code;
    engine.add_container(info);
  }
  void leave_in_journal(const std::string& key) {
    auto journal = JournalFile::open(engine.directory_of(kName));
    REQUIRE(journal);
    REQUIRE(journal->record(key, {{"kind", "held"}}));
  }
  bool told(std::string_view part) {
    return std::ranges::any_of(run.reporter.warnings, [part](const auto& line) { return line.contains(part); });
  }
};

const json kHeld{{"kind", "held"}, {"service", "app"}};

}  // namespace

TEST_CASE("a guard has the stack's name, says who holds it, and may do nothing but reach the Engine") {
  Fixture fixture;
  const auto guard = fixture.acquired();
  CHECK(fixture.engine.status_of(kName) == "running");
  const json body = fixture.engine.created_with(kName);
  CHECK(body["Labels"]["davit.role"] == "guard");
  CHECK(body["Labels"]["davit.run"] == "0123456789abcdef");
  CHECK(body["Labels"]["davit.stack"] == "shop");
  CHECK(body["Labels"]["davit.command"] == "backup");
  CHECK(parse_rfc3339(body["Labels"]["davit.since"].get<std::string>()));
  CHECK(body["Cmd"] == json::array({"guard", "--run", "0123456789abcdef", "--stack", "shop"}));
  const json& host = body["HostConfig"];
  CHECK(host["NetworkMode"] == "none");
  CHECK(host["ReadonlyRootfs"] == true);
  CHECK(host["CapDrop"] == json::array({"ALL"}));
  CHECK_FALSE(host.contains("CapAdd"));
  CHECK(host["SecurityOpt"][0] == "no-new-privileges");
  CHECK(host["RestartPolicy"]["Name"] == "on-failure");
  CHECK(host["LogConfig"]["Type"] == "json-file");
  CHECK(host["Mounts"][0]["Target"] == "/davit");
  CHECK(host["Mounts"][1] ==
        json{{"Type", "bind"}, {"Source", "/run/docker.sock"}, {"Target", "/var/run/docker.sock"}});
  CHECK_FALSE(guard->waited());
  CHECK_FALSE(guard->lost().stop_requested());
}

TEST_CASE("a guard keeps what is recorded until it is struck, and goes when it is released") {
  Fixture fixture;
  const auto guard = fixture.acquired();
  REQUIRE(guard->record("app", kHeld));
  const auto journal = JournalFile::open(fixture.engine.directory_of(kName));
  REQUIRE(journal);
  CHECK(journal->entries() == JournalEntries{{"app", kHeld}});
  REQUIRE(guard->check());
  REQUIRE(guard->strike("app"));
  REQUIRE(guard->release());
  CHECK(fixture.engine.status_of(kName).empty());
}

TEST_CASE("an entry that is no UTF-8 is refused, not altered") {
  Fixture fixture;
  const auto guard = fixture.acquired();
  const auto recorded = guard->record("app", {{"kind", "held"}, {"project", "\xff"}});
  REQUIRE_FALSE(recorded);
  CHECK(recorded.error().code() == Errc::bug);
  REQUIRE(guard->check());
  REQUIRE(guard->release());
}

TEST_CASE("an entry that is too large for a frame is no bug, and says what to do") {
  Fixture fixture;
  const auto guard = fixture.acquired();
  const auto recorded = guard->record("app", {{"kind", "held"}, {"project", std::string(2U << 20U, 'x')}});
  REQUIRE_FALSE(recorded);
  CHECK(recorded.error().code() == Errc::failed);
  CHECK(recorded.error().message().contains("an entry of the journal has 2.1 MB"));
  CHECK(recorded.error().hint() == "restore fewer things at once, with --only");
  REQUIRE(guard->check());
  REQUIRE(guard->release());
}

TEST_CASE("a run that ends with something in its journal leaves it to the guard") {
  Fixture fixture;
  std::atomic<int> rescues = 0;
  fixture.engine.on_rescue = [&](const JournalEntries& entries) {
    ++rescues;
    RescueReport report;
    for (const auto& [key, entry] : entries) {
      report.settled.push_back(key);
      report.lines.push_back("started " + key + " again");
    }
    return report;
  };
  {
    const auto guard = fixture.acquired();
    REQUIRE(guard->record("app", kHeld));
    SECTION("it says nothing more") {}
    SECTION("it releases the guard") {
      const auto released = guard->release();
      REQUIRE_FALSE(released);
      CHECK(released.error().message().contains("app"));
    }
  }
  REQUIRE(fixture.engine.wait_for_end(kName));
  CHECK(rescues == 1);
  // Whoever comes next is told.
  fixture.alive = {"next"};
  REQUIRE(repair(fixture.engine, test::lives(fixture.alive), fixture.run.context));
  CHECK(fixture.told("run 0123456789abcdef of stack shop had died: started app again"));
  CHECK(fixture.engine.status_of(kName).empty());
}

TEST_CASE("a run that loses its guard notices it, whatever it asks") {
  Fixture fixture;
  const auto guard = fixture.acquired();
  REQUIRE(guard->record("app", kHeld));
  const bool removed = GENERATE(true, false);
  if (removed)
    REQUIRE(fixture.engine.remove_container({kName}, true));
  else
    fixture.engine.kill_guard(kName);
  const std::string asked = GENERATE("check", "record", "strike", "release", "nothing: it beats by itself");
  INFO(asked << (removed ? ", removed" : ", killed"));
  if (asked.starts_with("nothing"))
    for (int looks = 0; looks < 1000 && !guard->lost().stop_requested(); ++looks) std::this_thread::sleep_for(10ms);
  const auto lost = asked == "record"    ? guard->record("db", kHeld)
                    : asked == "strike"  ? guard->strike("app")
                    : asked == "release" ? guard->release()
                                         : guard->check();
  REQUIRE_FALSE(lost);
  CHECK(lost.error().code() == Errc::failed);
  CHECK(lost.error().message().contains("the guard davit-guard-shop is lost"));
  CHECK(guard->lost().stop_requested());
  CHECK_FALSE(guard->check());
}

TEST_CASE("a guard that was killed is started again by its run, when that has done what it could") {
  Fixture fixture;
  const auto guard = fixture.acquired();
  REQUIRE(guard->record("app", kHeld));
  fixture.engine.kill_guard(kName);
  CHECK_FALSE(guard->check());
  CHECK(fixture.engine.status_of(kName) == "exited");
  CHECK_FALSE(guard->release());
  REQUIRE(fixture.engine.wait_for_end(kName));
  REQUIRE(repair(fixture.engine, test::lives({}), fixture.run.context));
  CHECK(fixture.told("run 0123456789abcdef of stack shop had died: did app"));
}

TEST_CASE("a guard that does not reach the Engine is no guard") {
  Fixture fixture;
  fixture.engine.on_reach = []() -> Result<> { return fail(Errc::failed, "connect: permission denied"); };
  const auto guard = fixture.acquire(fixture.run);
  REQUIRE_FALSE(guard);
  CHECK(guard.error().message().contains("connect: permission denied"));
  CHECK(guard.error().message().contains("/run/docker.sock"));
  CHECK(guard.error().hint().contains("DAVIT_ENGINE_SOCKET"));
  CHECK(fixture.engine.status_of(kName).empty());
}

TEST_CASE("a stack that a live run holds is locked, and the error says who has it") {
  Fixture fixture;
  const auto first = fixture.acquired();
  QuietRun other;
  other.context.run_id = "other";
  const auto second = fixture.acquire(other);
  REQUIRE_FALSE(second);
  CHECK(second.error().code() == Errc::locked);
  CHECK(second.error().message().contains("stack shop is in the hands of run 0123456789abcdef (backup) since 20"));
  CHECK(second.error().message().ends_with(" UTC, container davit-guard-shop"));
  CHECK(second.error().hint().contains("--lock-wait"));
  REQUIRE(first->check());
  REQUIRE(first->release());
  auto third = fixture.acquire(other);
  REQUIRE(third);
  REQUIRE((*third)->release());
}

TEST_CASE("a run that waits gets the lock when it is given away, and knows that it waited") {
  Fixture fixture;
  // The holder goes when the other says that it waits.
  struct Leaving : test::QuietReporter {
    std::unique_ptr<Guard> holder;
    void note(std::string_view text) override {
      QuietReporter::note(text);
      CHECK(holder->release());
    }
  } reporter;
  reporter.holder = fixture.acquired();
  const Clock clock;
  RunContext other{.run_id = "other", .clock = clock, .reporter = reporter, .stop = {}};
  GuardOptions options = fixture.options();
  options.lock_wait = 20s;
  const auto second = Guard::acquire(*fixture.host, options, other);
  REQUIRE(second);
  CHECK((*second)->waited());
  REQUIRE(reporter.notes.size() == 1);
  CHECK(reporter.notes[0].contains("waiting: stack shop is in the hands of"));
  REQUIRE((*second)->release());
}

TEST_CASE("a name that is taken by nothing is not waited for without end") {
  struct : test::GuardEngine {
    Result<engine::ContainerId> create_container(const std::string& name, const nlohmann::json&) override {
      return fail(Errc::exists, "the name " + name + " is already in use");
    }
  } engine;
  Fixture fixture;
  engine.add_image("busybox");
  Host::Options how;
  how.image = "busybox";
  how.program = fixture.directory / "program";
  Host host(engine, how);
  test::SkippingClock clock;
  RunContext run{.run_id = "other", .clock = clock, .reporter = fixture.run.reporter, .stop = {}};
  const auto guard = Guard::acquire(host, fixture.options(), run);
  REQUIRE_FALSE(guard);
  CHECK(guard.error().code() == Errc::unavailable);
  CHECK(guard.error().message().contains(kName));
}

TEST_CASE("of runs that want the same stack at once exactly one has it") {
  Fixture fixture;
  constexpr int kRuns = 4;
  std::vector<QuietRun> runs(kRuns);
  std::vector<std::unique_ptr<Guard>> guards(kRuns);
  std::atomic<int> locked = 0;
  fixture.alive.clear();
  for (int i = 0; i < kRuns; ++i) {
    runs[i].context.run_id = "run-" + std::to_string(i);
    fixture.alive.push_back(runs[i].context.run_id);
  }
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kRuns; ++i)
      threads.emplace_back([&, i] {
        auto guard = fixture.acquire(runs[i]);
        if (guard)
          guards[i] = *std::move(guard);
        else if (guard.error().code() == Errc::locked)
          ++locked;
      });
  }
  CHECK(std::ranges::count_if(guards, [](const auto& guard) { return guard != nullptr; }) == 1);
  CHECK(locked == kRuns - 1);
  for (const auto& guard : guards)
    if (guard) CHECK(guard->release());
}

TEST_CASE("the guard of a dead run does its work before the next run has the stack") {
  Fixture fixture;
  fixture.alive = {"0123456789abcdef"};
  SECTION("it was never started") { fixture.found("created"); }
  SECTION("it is done") { fixture.found("exited", 0); }
  SECTION("it was killed") {
    fixture.found("exited", 137);
    fixture.leave_in_journal("app");
  }
  const auto guard = fixture.acquired();
  CHECK(guard->waited());
  CHECK(fixture.engine.created_with(kName)["Labels"]["davit.run"] == "0123456789abcdef");
  REQUIRE(guard->release());
}

TEST_CASE("a killed guard of a dead run is started, and tells what it did") {
  Fixture fixture;
  fixture.alive.clear();
  fixture.found("exited", 137);
  fixture.leave_in_journal("app");
  REQUIRE(repair(fixture.engine, test::lives({}), fixture.run.context));
  CHECK(fixture.told("run other of stack shop had died: did app"));
  CHECK(fixture.engine.status_of(kName).empty());
}

TEST_CASE("that a guard has put something right is told even if its log can't be read") {
  Fixture fixture;
  fixture.alive.clear();
  fixture.found("exited", 0);
  fixture.engine.on_logs = []() -> Result<> { return fail(Errc::unavailable, "no such log"); };
  REQUIRE(repair(fixture.engine, test::lives({}), fixture.run.context));
  CHECK(fixture.told("run other of stack shop had died: "));
  CHECK(fixture.told("no such log"));
}

TEST_CASE("a guard that can't put everything right is quoted, and stays") {
  Fixture fixture;
  fixture.alive.clear();
  fixture.found("exited", 137);
  fixture.leave_in_journal("app");
  fixture.engine.on_rescue = [](const JournalEntries&) { return RescueReport{{}, {"app: no such image"}, {}}; };
  // Time passes fast.
  struct Hasty : Clock {
    mutable std::chrono::steady_clock::duration ahead{};
    std::chrono::steady_clock::time_point steady() const override { return Clock::steady() + ahead; }
    void sleep_for(std::chrono::milliseconds duration) const override {
      Clock::sleep_for(duration);
      ahead += 20s;
    }
  } hasty;
  RunContext run{"next", hasty, fixture.run.reporter, {}};
  const auto repaired = repair(fixture.engine, test::lives({}), run);
  REQUIRE_FALSE(repaired);
  CHECK(repaired.error().code() == Errc::failed);
  CHECK(repaired.error().message().contains("\n  - app: no such image"));
  CHECK(fixture.engine.status_of(kName) == "running");
}

TEST_CASE("a guard is left alone while its run lives, or may be about to start or to mend it") {
  Fixture fixture;
  SECTION("just made") { fixture.found("created"); }
  SECTION("running") { fixture.found("running"); }
  const auto guard = fixture.acquire(fixture.run);
  REQUIRE_FALSE(guard);
  CHECK(guard.error().code() == Errc::locked);
  REQUIRE(repair(fixture.engine, test::lives(fixture.alive), fixture.run.context));
  CHECK_FALSE(fixture.engine.status_of(kName).empty());
}

TEST_CASE("a guard that was made long ago and never started holds nothing, whoever made it") {
  Fixture fixture;
  fixture.found("created", 0, Clock().now() - 2min);
  const auto guard = fixture.acquired();
  REQUIRE(guard->release());
}

TEST_CASE("a container of somebody else's that has the name is left alone") {
  Fixture fixture;
  engine::ContainerInfo info;
  info.name = kName;
  fixture.engine.add_container(info);
  const auto guard = fixture.acquire(fixture.run);
  REQUIRE_FALSE(guard);
  CHECK(guard.error().code() == Errc::exists);
  CHECK(guard.error().message().contains("not davit's"));
  CHECK(fixture.engine.status_of(kName) == "running");
}

TEST_CASE("a guard that could not be started leaves nothing, whichever call of the Engine fails") {
  Fixture fixture;
  const bool after_effect = GENERATE(false, true);
  for (std::uint64_t at = 1; at < 12; ++at) {
    INFO("call " << at << (after_effect ? ", behind its effect" : ""));
    fixture.engine.set_faults({.fail_at = at, .after_effect = after_effect});
    auto guard = fixture.acquire(fixture.run);
    if (guard) {
      fixture.engine.set_faults({});
      CHECK((*guard)->release());
    }
    CHECK(fixture.engine.container_names().empty());
  }
}
