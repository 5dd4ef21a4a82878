#include <catch2/catch_test_macros.hpp>

#include "app/quiesce/holds.hpp"
#include "support/holds_bench.hpp"

using namespace davit;
using namespace davit::app;
using namespace std::chrono_literals;
using Bench = davit::test::HoldsBench;
using davit::test::Names;

TEST_CASE("hooks are run around the hold, and the one after is in the journal before the one before", "[quiesce]") {
  Bench bench;
  bench.add("db");
  bench.add("app");
  bench.service("db", How::none);
  bench.service("app", How::pause);
  for (QuiescedService& service : bench.plan.services) {
    service.before = {{"before", service.name}, "root", 5s};
    service.after = {{"after", service.name}, "", 5s};
  }
  bench.item("a", {1}, {0});
  bench.item("b", {1});
  Names told;
  bench.engine.on_command = [&](const test::FakeCommand& command) {
    told.push_back(command.argv.at(0) + " in " + command.container + " as " + command.user + ", app " +
                   bench.engine.status_of("shop-app-1") + ", " + std::to_string(bench.journal.entries().size()));
    return test::FakeOutcome{};
  };
  auto holds = bench.holds();
  auto a = Bench::volume("a");
  auto b = Bench::volume("b");
  REQUIRE(holds->begin(a));
  REQUIRE(holds->end(a));
  REQUIRE(holds->begin(b));
  REQUIRE(holds->end(b));
  REQUIRE(holds->finish());
  CHECK(told == Names{"before in shop-app-1 as root, app running, 1", "before in shop-db-1 as root, app running, 2",
                      "after in shop-db-1 as , app paused, 3", "after in shop-app-1 as , app running, 1"});
  CHECK(bench.journal.entries().empty());
}

TEST_CASE("a service that is only touched by what is still to be read runs meanwhile", "[quiesce]") {
  Bench bench;
  bench.add("app");
  bench.service("app", How::pause);
  bench.plan.services[0].after = {{"after"}, "", 5s};
  bench.item("a", {0});
  bench.item("b", {}, {0});
  int ran = 0;
  bench.engine.on_command = [&](const test::FakeCommand&) {
    ++ran;
    return test::FakeOutcome{};
  };
  auto holds = bench.holds();
  auto a = Bench::volume("a");
  auto b = Bench::volume("b");
  REQUIRE(holds->begin(a));
  CHECK(bench.engine.status_of("shop-app-1") == "paused");
  REQUIRE(holds->end(a));
  REQUIRE(holds->begin(b));
  CHECK(bench.engine.status_of("shop-app-1") == "running");
  CHECK(ran == 0);
  REQUIRE(holds->end(b));
  CHECK(ran == 1);
  REQUIRE(holds->finish());
}

TEST_CASE("a failing hook before fails the run, and one after is a finding", "[quiesce]") {
  Bench bench;
  bench.add("app");
  bench.service("app", How::pause);
  bench.plan.services[0].before = {{"save"}, "", 5s};
  bench.plan.services[0].after = {{"resume"}, "", 5s};
  bench.item("a", {0});
  auto a = Bench::volume("a");
  Names ran;
  std::string failing;
  bench.engine.on_command = [&](const test::FakeCommand& command) {
    ran.push_back(command.argv.at(0));
    return command.argv.at(0) == failing ? test::FakeOutcome{3, "on stdout\n", "no space\n"} : test::FakeOutcome{};
  };
  SECTION("before") {
    failing = "save";
    auto holds = bench.holds();
    auto begun = holds->begin(a);
    REQUIRE_FALSE(begun);
    CHECK(begun.error().message() == "davit.before of service app: it ended with exit code 3: no space");
    CHECK(holds->abandon(std::move(begun).error()).code() == Errc::failed);
    CHECK(ran == Names{"save", "resume"});
    CHECK(bench.done().back() != "pause_container shop-app-1");
  }
  SECTION("after") {
    failing = "resume";
    auto holds = bench.holds();
    REQUIRE(holds->begin(a));
    REQUIRE(holds->end(a));
    REQUIRE(holds->finish());
    CHECK(holds->take_findings().at(0).what == "davit.after of service app: it ended with exit code 3: no space");
    CHECK(ran == Names{"save", "resume"});
  }
  SECTION("after, when the run has failed already") {
    failing = "resume";
    auto holds = bench.holds();
    REQUIRE(holds->begin(a));
    CHECK(holds->abandon(Error(Errc::failed, "cut")).message() == "cut");
    CHECK(holds->take_findings().at(0).what == "davit.after of service app: it ended with exit code 3: no space");
  }
  CHECK(bench.journal.entries().empty());
  CHECK(bench.engine.status_of("shop-app-1") == "running");
}

TEST_CASE("a hook after that the Engine can't run is tried again, and in the end left to the guard", "[quiesce]") {
  Bench bench;
  bench.add("app");
  bench.service("app", How::none);
  bench.plan.services[0].after = {{"resume"}, "", 5s};
  bench.item("a", {}, {0});
  auto a = Bench::volume("a");
  int ran = 0;
  bench.engine.on_command = [&](const test::FakeCommand&) {
    ++ran;
    return test::FakeOutcome{};
  };
  SECTION("a moment") { bench.engine.refuse_execs = 2; }
  SECTION("for long") { bench.engine.refuse_execs = 1000; }
  const bool moment = bench.engine.refuse_execs == 2;
  auto holds = bench.holds();
  REQUIRE(holds->begin(a));
  REQUIRE(holds->end(a));
  REQUIRE(holds->finish());
  const auto findings = holds->take_findings();
  CHECK(ran == (moment ? 1 : 0));
  CHECK(bench.journal.entries().size() == (moment ? 0 : 1));
  CHECK(findings.size() == (moment ? 0 : 1));
  if (!findings.empty())
    CHECK(findings[0].what.starts_with(
        "davit.after of service app could not be run, and the guard goes on trying: run resume in container "));
}
