#include "app/quiesce/holds.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "support/holds_bench.hpp"

using namespace davit;
using namespace davit::app;
using namespace std::chrono_literals;
using Bench = davit::test::HoldsBench;
using davit::test::Names;

namespace {

bool poll(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

}  // namespace

TEST_CASE("each service is held right before the first item that it writes, and let go of after the last",
          "[quiesce]") {
  Bench bench;
  bench.add("db");
  bench.add("app");
  bench.add("app", 2);
  bench.service("db", How::stop);
  bench.service("app", How::pause);
  bench.item("a", {1});
  bench.item("b", {0, 1});
  bench.item("c", {0});
  auto holds = bench.holds();
  auto a = Bench::volume("a");
  auto b = Bench::volume("b");
  auto c = Bench::volume("c");
  CHECK(bench.done().empty());
  REQUIRE(holds->begin(a));
  CHECK(bench.statuses() == Names{"shop-app-1 paused", "shop-app-2 paused", "shop-db-1 running"});
  CHECK(bench.journal.entries().size() == 2);
  REQUIRE(holds->end(a));
  CHECK(a.consistency == model::Consistency::paused);
  REQUIRE(holds->begin(b));
  CHECK(bench.statuses() == Names{"shop-app-1 paused", "shop-app-2 paused", "shop-db-1 exited"});
  REQUIRE(holds->end(b));
  CHECK(bench.statuses() == Names{"shop-app-1 running", "shop-app-2 running", "shop-db-1 exited"});
  REQUIRE(holds->begin(c));
  REQUIRE(holds->end(c));
  CHECK(bench.statuses() == Names{"shop-app-1 running", "shop-app-2 running", "shop-db-1 running"});
  REQUIRE(holds->finish());
  CHECK(bench.journal.entries().empty());
  CHECK(holds->take_findings().empty());
  const auto held = holds->held();
  REQUIRE(held.size() == 2);
  CHECK(held[0].service == "db");
  CHECK(held[0].how == "stopped");
  CHECK(held[1].how == "paused");
}

TEST_CASE("what is held is in the journal before, with all that its rescue needs", "[quiesce]") {
  Bench bench;
  const auto id = bench.add("app", 3);
  bench.service("db", How::none);
  bench.service("app", How::stop);
  bench.item("a", {1});
  auto holds = bench.holds();
  auto a = Bench::volume("a");
  bench.journal.fail_at(1);
  CHECK_FALSE(holds->begin(a));
  CHECK(bench.done().empty());  // nobody would put it right

  Bench again;
  const auto other = again.add("app", 3);
  again.service("db", How::none);
  again.service("app", How::stop);
  again.item("a", {1});
  auto held = again.holds();
  REQUIRE(held->begin(a));
  const auto entries = again.journal.entries();
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].second == nlohmann::json{{"kind", "held"},
                                            {"project", "shop"},
                                            {"service", "app"},
                                            {"number", 3},
                                            {"container", other.value},
                                            {"how", "stop"},
                                            {"order", 1}});
}

TEST_CASE("services are stopped from those that depend on others, and started the other way round", "[quiesce]") {
  Bench bench;
  for (const char* name : {"db", "cache", "app"}) {
    bench.add(name);
    bench.service(name, How::stop);
  }
  bench.item("a", {0, 1, 2});
  auto holds = bench.holds();
  auto a = Bench::volume("a");
  REQUIRE(holds->begin(a));
  REQUIRE(holds->end(a));
  CHECK(bench.done() == Names{"stop_container shop-app-1", "stop_container shop-cache-1", "stop_container shop-db-1",
                              "start_container shop-db-1", "start_container shop-cache-1",
                              "start_container shop-app-1"});
}

TEST_CASE("a service is not started before one that it depends on and that is stopped still", "[quiesce]") {
  Bench bench;
  bench.add("db");
  bench.add("app");
  bench.service("db", How::stop);
  bench.service("app", How::stop);
  bench.item("a", {0, 1});
  bench.item("b", {0});
  auto holds = bench.holds();
  auto a = Bench::volume("a");
  auto b = Bench::volume("b");
  REQUIRE(holds->begin(a));
  REQUIRE(holds->end(a));
  CHECK(bench.statuses() == Names{"shop-app-1 exited", "shop-db-1 exited"});
  REQUIRE(holds->begin(b));
  REQUIRE(holds->end(b));
  CHECK(bench.statuses() == Names{"shop-app-1 running", "shop-db-1 running"});
}

TEST_CASE("one that others wait for must be healthy first, for a minute at most", "[quiesce]") {
  Bench bench;
  bench.add("db");
  bench.add("app");
  bench.service("db", How::stop);
  bench.service("app", How::stop);
  bench.item("a", {0, 1});
  const std::string becomes = GENERATE("healthy", "unhealthy", "starting");
  bench.engine.set_health("shop-db-1", "starting");
  std::atomic<bool> app_started{false};
  bench.engine.on_start = [&](const engine::ContainerInfo& started) -> Result<> {
    if (started.name == "shop-app-1") app_started = true;
    return {};
  };
  auto holds = bench.holds();
  auto a = Bench::volume("a");
  REQUIRE(holds->begin(a));
  bench.engine.on_inspect = [&] {
    if (!app_started && bench.clock.slept > 5000) bench.engine.set_health("shop-db-1", becomes);
  };
  REQUIRE(holds->end(a));
  CHECK(bench.clock.slept > 5000);
  REQUIRE(holds->finish());
  CHECK(app_started);
  const auto findings = holds->take_findings();
  CHECK((bench.clock.slept >= 60000) == (becomes == "starting"));
  if (becomes == "healthy") {
    CHECK(findings.empty());
  } else {
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].what == "service db runs again, and is " + becomes + " still");
  }
}

TEST_CASE("who doesn't run, is paused already or is davit stays as it is", "[quiesce]") {
  Bench bench;
  bench.add("app", 1, "exited");
  bench.add("app", 2, "paused");
  const auto self = bench.add("app", 3);
  bench.add("app", 4, "created");
  bench.service("app", GENERATE(How::pause, How::stop));
  bench.item("a", {0});
  Holds holds({bench.engine, bench.journal, "shop", self.value, {}}, bench.plan, bench.run);
  auto a = Bench::volume("a");
  REQUIRE(holds.begin(a));
  REQUIRE(holds.end(a));
  REQUIRE(holds.finish());
  CHECK(bench.done().empty());
  CHECK(holds.held().empty());
  CHECK(bench.statuses() ==
        Names{"shop-app-1 exited", "shop-app-2 paused", "shop-app-3 running", "shop-app-4 created"});
}

TEST_CASE("a pause that the Engine refuses is tried again; for good, the item is live", "[quiesce]") {
  Bench bench;
  bench.add("app");
  bench.add("app", 2);
  bench.service("app", How::pause);
  bench.item("a", {0});
  auto a = Bench::volume("a");
  SECTION("a few times") {
    bench.engine.refuse_pauses = 3;
    auto holds = bench.holds();
    REQUIRE(holds->begin(a));
    CHECK(bench.statuses() == Names{"shop-app-1 paused", "shop-app-2 paused"});
    REQUIRE(holds->end(a));
    CHECK(a.consistency == model::Consistency::paused);
  }
  SECTION("for good") {
    bench.engine.refuse_pauses = 1000;
    auto holds = bench.holds();
    REQUIRE(holds->begin(a));
    CHECK(bench.statuses() == Names{"shop-app-1 running", "shop-app-2 running"});
    REQUIRE(holds->end(a));
    CHECK(a.consistency == model::Consistency::live);
    const auto findings = holds->take_findings();
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].item == "volume:a");
    CHECK(findings[0].what == "service app could not be paused: unable to freeze");
    CHECK(bench.journal.entries().empty());
    REQUIRE(holds->finish());
    CHECK(holds->held().empty());
  }
  SECTION("for good, where all must be held") {
    bench.engine.refuse_pauses = 1000;
    bench.plan.consistent = true;
    auto holds = bench.holds();
    const auto held = holds->begin(a);
    REQUIRE_FALSE(held);
    CHECK(held.error().message() == "service app could not be paused: unable to freeze");
    CHECK(bench.statuses() == Names{"shop-app-1 running", "shop-app-2 running"});
  }
}

TEST_CASE("one that takes its time to stop, and whose answer is lost, is waited for", "[quiesce]") {
  Bench bench;
  const auto id = bench.add("app");
  bench.service("app", How::stop);
  bench.item("a", {0});
  bench.engine.lose_stops = true;
  auto a = Bench::volume("a");
  auto holds = bench.holds();
  SECTION("it ends") {
    bench.engine.on_inspect = [&] {
      if (bench.clock.slept > 8000 && bench.engine.status_of("shop-app-1") == "running")
        bench.engine.finish_container(id, 0);
    };
    REQUIRE(holds->begin(a));
    CHECK(bench.statuses() == Names{"shop-app-1 exited"});
    REQUIRE(holds->end(a));
    CHECK(a.consistency == model::Consistency::paused);
    CHECK(bench.statuses() == Names{"shop-app-1 running"});
    CHECK(bench.journal.entries().empty());
  }
  SECTION("it never does") {
    REQUIRE(holds->begin(a));
    REQUIRE(holds->end(a));
    CHECK(a.consistency == model::Consistency::live);
    CHECK(bench.clock.slept >= 15000);
    CHECK(bench.journal.entries().empty());
  }
  SECTION("the run is to end before that: its guard sees to it") {
    bench.engine.on_inspect = [&] { bench.stop.request_stop(); };
    const auto held = holds->begin(a);
    REQUIRE_FALSE(held);
    const Error error = holds->abandon(Error(held.error()));
    CHECK(error.message().contains("service app runs, and may still be about to be stopped"));
    REQUIRE(bench.journal.entries().size() == 1);
    CHECK(bench.journal.entries()[0].second["stopping"] == true);
  }
}

TEST_CASE("what somebody else has let run meanwhile makes the item live", "[quiesce]") {
  Bench bench;
  auto id = bench.add("app");
  bench.service("app", GENERATE(How::pause, How::stop));
  bench.item("a", {0});
  bench.plan.consistent = GENERATE(true, false);
  auto holds = bench.holds();
  auto a = Bench::volume("a");
  REQUIRE(holds->begin(a));
  SECTION("the same container") {
    if (bench.plan.services[0].how == How::pause)
      REQUIRE(bench.engine.unpause_container(id));
    else
      REQUIRE(bench.engine.start_container(id));
  }
  SECTION("a new one") {
    bench.engine.forget_container(id);
    bench.add("app");
  }
  SECTION("one more") { bench.add("app", 2); }
  const auto ended = holds->end(a);
  REQUIRE(ended.has_value() != bench.plan.consistent);
  if (!ended) {
    CHECK(ended.error().message() == "service app was let run by somebody else, before everything was read");
    return;
  }
  CHECK(a.consistency == model::Consistency::live);
  const auto findings = holds->take_findings();
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].item == "volume:a");
  CHECK(findings[0].what == "service app was let run by somebody else, before everything was read");
}

TEST_CASE("a service whose time is over runs again, and what was being read is live", "[quiesce]") {
  Bench bench;
  bench.add("app");
  bench.service("app", How::pause);
  bench.plan.services[0].max = 50ms;
  bench.item("a", {0});
  bench.item("b", {0});
  const bool consistent = GENERATE(false, true);
  bench.plan.consistent = consistent;
  auto holds = bench.holds();
  auto a = Bench::volume("a");
  auto b = Bench::volume("b");
  REQUIRE(holds->begin(a));
  CHECK(poll([&] { return bench.engine.status_of("shop-app-1") == "running"; }));
  CHECK(poll([&] { return bench.journal.entries().empty(); }));
  const auto ended = holds->end(a);
  if (consistent) {
    REQUIRE_FALSE(ended);
    CHECK(ended.error().message().contains("davit.quiesce.max"));
    return;
  }
  REQUIRE(ended);
  CHECK(a.consistency == model::Consistency::live);
  CHECK(holds->take_findings().at(0).what ==
        "service app ran again after 50 ms (davit.quiesce.max), before everything was read");
  REQUIRE(holds->begin(b));
  CHECK(bench.engine.status_of("shop-app-1") == "running");
  REQUIRE(holds->end(b));
  CHECK(b.consistency == model::Consistency::live);
}

TEST_CASE("a stop and a lost guard let go of everything at once", "[quiesce]") {
  Bench bench;
  bench.add("db");
  bench.add("app");
  bench.service("db", How::stop);
  bench.service("app", How::pause);
  bench.item("a", {0, 1});
  auto holds = bench.holds();
  auto a = Bench::volume("a");
  REQUIRE(holds->begin(a));
  const bool stop = GENERATE(true, false);
  (stop ? bench.stop : bench.lost).request_stop();
  CHECK(poll([&] { return bench.statuses() == Names{"shop-app-1 running", "shop-db-1 running"}; }));
  const auto ended = holds->end(a);
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code() == (stop ? Errc::cancelled : Errc::failed));
  CHECK_FALSE(holds->begin(a));
  CHECK(bench.statuses() == Names{"shop-app-1 running", "shop-db-1 running"});
}

TEST_CASE("whoever is held runs again after an error, and where the holds just go", "[quiesce]") {
  Bench bench;
  bench.add("db");
  bench.add("app");
  bench.service("db", How::stop);
  bench.service("app", How::pause);
  bench.item("a", {0, 1});
  auto a = Bench::volume("a");
  {
    auto holds = bench.holds();
    REQUIRE(holds->begin(a));
    if (GENERATE(true, false))
      CHECK(holds->abandon(Error(Errc::failed, "the disk is full")).message() == "the disk is full");
  }
  CHECK(bench.statuses() == Names{"shop-app-1 running", "shop-db-1 running"});
  CHECK(bench.journal.entries().empty());
}

TEST_CASE("one that can't be let go of is tried again, is named, and stays in the journal", "[quiesce]") {
  Bench bench;
  const auto id = bench.add("app");
  bench.service("app", How::pause);
  bench.item("a", {0});
  auto a = Bench::volume("a");
  auto holds = bench.holds();
  REQUIRE(holds->begin(a));
  SECTION("a few times") {
    bench.engine.refuse_unpauses = 4;
    REQUIRE(holds->end(a));
    CHECK(bench.engine.status_of("shop-app-1") == "running");
  }
  SECTION("for good") {
    bench.engine.refuse_unpauses = 1000;
    const auto ended = holds->end(a);
    REQUIRE_FALSE(ended);
    const Error error = holds->abandon(Error(ended.error()));
    CHECK(error.message().contains("let service app run again: unable to thaw"));
    CHECK((error.message() + error.hint()).contains("docker unpause " + id.value.substr(0, 12)));
    CHECK(bench.journal.entries().size() == 1);
    bench.engine.refuse_unpauses = 0;
  }
}

TEST_CASE("a service whose container was replaced or ended meanwhile is left as somebody else made it", "[quiesce]") {
  Bench bench;
  const auto id = bench.add("app");
  const How how = GENERATE(How::pause, How::stop);
  bench.service("app", how);
  bench.item("a", {0});
  auto a = Bench::volume("a");
  auto holds = bench.holds();
  REQUIRE(holds->begin(a));
  SECTION("recreated") {
    REQUIRE(bench.engine.remove_container(id, false));
    bench.add("app");
    REQUIRE(holds->end(a));
    CHECK(bench.statuses() == Names{"shop-app-1 running"});
    CHECK(holds->take_findings().size() == 1);
  }
  SECTION("removed") {
    REQUIRE(bench.engine.remove_container(id, false));
    REQUIRE(holds->end(a));
    CHECK(holds->take_findings().at(0).what == "service app is not started again: its container is gone");
  }
  SECTION("ended") {
    bench.engine.finish_container(id, 0);
    REQUIRE(holds->end(a));
    CHECK(bench.engine.status_of("shop-app-1") == (how == How::stop ? "running" : "exited"));
  }
  CHECK(bench.journal.entries().empty());
}

TEST_CASE("whatever call to the Engine or the journal fails, everybody runs again or is in the journal", "[quiesce]") {
  const bool after_effect = GENERATE(false, true);
  const bool journal = GENERATE(false, true);
  for (std::uint64_t k = 1;; ++k) {
    Bench bench;
    bench.add("db");
    bench.add("app");
    bench.add("app", 2);
    bench.service("db", How::stop);
    bench.service("app", How::pause);
    bench.plan.services[1].after = {{"resume"}, "", 5s};
    bench.item("a", {0, 1});
    bench.item("b", {1});
    bench.engine.on_command = [](const test::FakeCommand&) { return test::FakeOutcome{}; };
    if (journal)
      bench.journal.fail_at(k);
    else
      bench.engine.set_faults({.fail_at = k, .after_effect = after_effect});
    const auto all = [&]() -> Result<> {
      auto holds = bench.holds();
      const auto read = [&]() -> Result<> {
        for (const char* name : {"a", "b"}) {
          auto item = Bench::volume(name);
          TRY(holds->begin(item));
          TRY(holds->end(item));
        }
        return {};
      };
      if (auto done = read(); !done) return std::unexpected(holds->abandon(std::move(done).error()));
      return holds->finish();
    };
    const auto outcome = all();
    INFO("operation " << k << ": " << (outcome ? "done" : outcome.error().message()));
    CHECK(bench.statuses() == Names{"shop-app-1 running", "shop-app-2 running", "shop-db-1 running"});
    if (!journal) CHECK(bench.journal.entries().empty());
    if (journal ? bench.journal.log().size() < k : !bench.engine.failed()) {
      CHECK(outcome);
      REQUIRE(k > 5);
      break;
    }
  }
}
