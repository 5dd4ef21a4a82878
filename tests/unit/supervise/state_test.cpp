#include "supervise/state.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

namespace davit::supervise {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a status survives the control socket") {
  Status status{.state = State::maintenance, .since = TimePoint(1'795'000'000s)};
  status.last_exit = Ending{.code = 137, .at = TimePoint(1'794'999'999s)};
  status.starts = 3;
  status.accepting = false;
  status.problem = "it ended\nagain";
  status.restore_left = true;
  status.on_exit = OnExit::stay;
  auto parsed = parse_answer(render_answer(status));
  REQUIRE(parsed);
  CHECK(parsed->problem == "it ended\\x0aagain");
  parsed->problem = status.problem;
  CHECK(*parsed == status);
  const Status other{.state = State::running, .since = TimePoint(1s), .pid = 7};
  CHECK(parse_answer(render_answer(other)) == other);
}

TEST_CASE("a refusal is the error that it was") {
  const auto parsed = parse_answer(render_answer(fail(Errc::locked, "it is being prepared", "wait")));
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == Errc::locked);
  CHECK(parsed.error().message() == "it is being prepared");
  CHECK(parsed.error().hint() == "wait");
}

TEST_CASE("a refusal of a kind that a later version has is a failure all the same") {
  const auto parsed = parse_answer(R"({"error": {"code": "out-of-tea", "message": "no tea"}})");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == Errc::failed);
  CHECK(parsed.error().message() == "no tea");
}

TEST_CASE("what a later version adds is passed over") {
  const auto parsed =
      parse_answer(R"({"version": 2, "state": "running", "since": "2026-11-21T00:00:00Z", "mood": "good"})");
  REQUIRE(parsed);
  CHECK(parsed->state == State::running);
  CHECK_FALSE(parsed->pid);
  CHECK(parsed->starts == 0);
}

TEST_CASE("a request survives the control socket") {
  const auto kind = GENERATE(Request::Kind::status, Request::Kind::start, Request::Kind::stop, Request::Kind::restart);
  const auto mode = GENERATE(StopMode::smart, StopMode::fast, StopMode::immediate);
  const Request request{.kind = kind, .mode = mode};
  CHECK(parse_request(render_request(request)) == request);
}

TEST_CASE("what is no message is told as such") {
  const std::string text =
      GENERATE("", "{", "null", "[]", "7", "\"stop\"", "{}", R"({"request": 7})", R"({"request": "explode"})",
               R"({"request": "stop", "mode": "gentle"})", R"({"request": "stop", "mode": 7})", "\xff\xfe",
               R"({"state": "running"})", R"({"state": "tired", "since": "2026-11-21T00:00:00Z"})");
  const auto request = parse_request(text);
  REQUIRE_FALSE(request);
  CHECK(request.error().code() == Errc::corrupt);
  const auto answer = parse_answer(text);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == Errc::corrupt);
}

TEST_CASE("words that are none of ours are usage") {
  CHECK(parse_stop_mode("smart") == StopMode::smart);
  CHECK(parse_stop_mode("FAST").error().code() == Errc::usage);
  CHECK(parse_on_exit("stay") == OnExit::stay);
  CHECK(parse_on_exit("").error().code() == Errc::usage);
}

}  // namespace
}  // namespace davit::supervise
