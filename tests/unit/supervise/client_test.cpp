#include "supervise/client.hpp"

#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <vector>

#include "support/skipping_clock.hpp"

namespace davit::supervise {
namespace {

using namespace std::chrono_literals;
using Kind = Request::Kind;

// A wrapper that answers what it is told to, one answer after the other, and the last one for ever.
struct Script {
  std::deque<Result<Status>> answers;
  std::vector<Kind> asked = {};

  Ask ask() {
    return [this](const Request& request) -> Result<Status> {
      asked.push_back(request.kind);
      Result<Status> answer = answers.front();
      if (answers.size() > 1) answers.pop_front();
      return answer;
    };
  }
};

Status at(State state, int starts = 1) { return {.state = state, .since = TimePoint(1s), .starts = starts}; }

TEST_CASE("a stop is asked for once, and waited for") {
  Script script{{at(State::stopping), at(State::stopping), at(State::maintenance)}};
  const test::SkippingClock clock;
  const auto done = stop_server(script.ask(), StopMode::fast, {.clock = clock});
  REQUIRE(done);
  CHECK(done->state == State::maintenance);
  CHECK(script.asked == std::vector{Kind::stop, Kind::status, Kind::status});
}

TEST_CASE("a stop of a server that is being prepared is asked for until it is taken") {
  const auto busy = fail(Errc::locked, "preparing");
  Script script{{busy, busy, at(State::stopping), at(State::maintenance)}};
  const test::SkippingClock clock;
  CHECK(stop_server(script.ask(), StopMode::fast, {.clock = clock}));
  CHECK(script.asked == std::vector{Kind::stop, Kind::stop, Kind::stop, Kind::status});
  Script endless{{busy}};
  CHECK(stop_server(endless.ask(), StopMode::fast, {.clock = clock}).error().code() == Errc::locked);
}

TEST_CASE("a stop that takes too long, or whose server was started by another, is told") {
  const test::SkippingClock clock;
  Script slow{{at(State::stopping)}};
  const auto late = stop_server(slow.ask(), StopMode::smart, {.timeout = 5s, .clock = clock});
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == Errc::unavailable);
  CHECK(late.error().message() == "the server has not stopped within 5 s");
  CHECK(slow.asked.size() == 51);
  Script raced{{at(State::stopping, 1), at(State::running, 2)}};
  CHECK(stop_server(raced.ask(), StopMode::fast, {.clock = clock}).error().code() == Errc::failed);
}

TEST_CASE("whoever doesn't want to wait any more needn't") {
  const test::SkippingClock clock;
  std::stop_source stop;
  stop.request_stop();
  Script script{{at(State::stopping)}};
  CHECK(stop_server(script.ask(), StopMode::fast, {.stop = stop.get_token(), .clock = clock}).error().code() ==
        Errc::cancelled);
  CHECK(start_server(script.ask(), {.stop = stop.get_token(), .clock = clock}).error().code() == Errc::cancelled);
}

TEST_CASE("a start is waited for until the server accepts connections") {
  const test::SkippingClock clock;
  Status ready = at(State::running, 2);
  ready.accepting = true;
  Script script{{at(State::starting), at(State::starting, 2), ready}};
  const auto done = start_server(script.ask(), {.clock = clock});
  REQUIRE(done);
  CHECK(*done == ready);
  CHECK(script.asked.front() == Kind::start);
}

TEST_CASE("a server that has accepted connections, and does not at the moment, is waited for") {
  const test::SkippingClock clock;
  Status recovering = at(State::running);
  recovering.accepting = false;
  Status ready = at(State::running);
  ready.accepting = true;
  Script script{{recovering, recovering, ready}};
  // Nobody else is asked where the wrapper can tell.
  const auto accepting = []() -> std::optional<bool> { return true; };
  const auto done = start_server(script.ask(), {.clock = clock, .accepting = accepting});
  REQUIRE(done);
  CHECK(*done == ready);
  CHECK(script.asked.size() == 3);
}

TEST_CASE("where the wrapper can't tell whether it does, somebody else is asked") {
  const test::SkippingClock clock;
  Script script{{at(State::running)}};
  int asked = 0;
  const auto accepting = [&]() -> std::optional<bool> { return ++asked == 3; };
  REQUIRE(start_server(script.ask(), {.clock = clock, .accepting = accepting}));
  CHECK(asked == 3);
  const auto unknown = []() -> std::optional<bool> { return std::nullopt; };
  CHECK(start_server(script.ask(), {.clock = clock, .accepting = unknown}));
  CHECK(start_server(script.ask(), {.clock = clock}));
}

TEST_CASE("a server that ends while it starts is a failure, with what is known of it") {
  const test::SkippingClock clock;
  Status failed = at(State::maintenance, 2);
  failed.problem = "the server ended with exit code 1 while it was starting";
  Script script{{at(State::starting), failed}};
  const auto done = start_server(script.ask(), {.clock = clock});
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::failed);
  CHECK(done.error().message() == *failed.problem);
  Script slow{{at(State::starting)}};
  CHECK(start_server(slow.ask(), {.timeout = 3s, .clock = clock}).error().message() ==
        "the server doesn't accept connections after 3 s");
}

TEST_CASE("after a restart it is another server that runs") {
  const test::SkippingClock clock;
  // Between the order and the first look it may run as it did.
  Script script{{at(State::stopping, 4), at(State::running, 4), at(State::starting, 5), at(State::running, 5)}};
  const auto done = restart_server(script.ask(), StopMode::fast, {.clock = clock});
  REQUIRE(done);
  CHECK(done->starts == 5);
  CHECK(script.asked.front() == Kind::restart);
}

}  // namespace
}  // namespace davit::supervise
