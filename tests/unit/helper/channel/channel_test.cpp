#include "helper/channel/channel.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "helper/channel/link.hpp"

using namespace davit;
using namespace davit::helper;
using std::chrono::steady_clock;

namespace {

struct Ends {
  std::unique_ptr<FdChannel> ours;
  UniqueFd theirs;
  Ends() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    ours = FdChannel::over_socket(UniqueFd(fds[0])).value();
    theirs.reset(fds[1]);
  }
};

std::array<std::byte, 64> buffer;

}  // namespace

TEST_CASE("a channel gives what is there, and nothing when the deadline passes") {
  Ends ends;
  CHECK(ends.ours->read(buffer, steady_clock::time_point{}).value() == std::nullopt);
  const auto begin = steady_clock::now();
  CHECK(ends.ours->read(buffer, begin + std::chrono::milliseconds(30)).value() == std::nullopt);
  CHECK(steady_clock::now() - begin >= std::chrono::milliseconds(30));
  REQUIRE(::write(ends.theirs.get(), "abc", 3) == 3);
  CHECK(ends.ours->read(buffer, steady_clock::time_point{}).value() == 3);
  ends.theirs.reset();
  CHECK(ends.ours->read(buffer).value() == 0);
}

TEST_CASE("writing to a peer that has gone is an error, not a signal") {
  Ends ends;
  ends.theirs.reset();
  const auto written = ends.ours->write(buffer);
  REQUIRE_FALSE(written);
  CHECK(written.error().code() == Errc::unavailable);
}

TEST_CASE("a stop wakes a blocked read and a blocked write") {
  Ends ends;
  std::stop_source stop;
  ends.ours->set_stop(stop.get_token());
  const bool writing = GENERATE(false, true);
  std::thread other([&] { stop.request_stop(); });
  const std::vector<std::byte> much(8U << 20U);
  Errc code{};
  if (writing) {
    code = ends.ours->write(much).error().code();
  } else {
    code = ends.ours->read(buffer).error().code();
  }
  other.join();
  CHECK(code == Errc::cancelled);
  // What must be done all the same is not kept from it.
  ends.ours->set_stop({});
  CHECK(ends.ours->read(buffer, steady_clock::time_point{}).value() == std::nullopt);
}

TEST_CASE("each direction of a channel ends on its own") {
  Ends ends;
  REQUIRE(ends.ours->write(std::as_bytes(std::span("x", 1))));
  REQUIRE(ends.ours->close_write());
  REQUIRE(ends.ours->close_write());
  std::array<char, 4> text{};
  CHECK(::read(ends.theirs.get(), text.data(), text.size()) == 1);
  CHECK(::read(ends.theirs.get(), text.data(), text.size()) == 0);
  REQUIRE(::write(ends.theirs.get(), "back", 4) == 4);
  CHECK(ends.ours->read(buffer).value() == 4);
}

TEST_CASE("a pair of pipes is a channel") {
  std::signal(SIGPIPE, SIG_IGN);
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  REQUIRE(::pipe(in.data()) == 0);
  REQUIRE(::pipe(out.data()) == 0);
  const auto channel = FdChannel::over_pipes(UniqueFd(in[0]), UniqueFd(out[1])).value();
  UniqueFd from(out[0]);
  UniqueFd to(in[1]);
  REQUIRE(channel->write(std::as_bytes(std::span("head", 4)), std::as_bytes(std::span("body", 4))));
  std::array<char, 16> text{};
  CHECK(::read(from.get(), text.data(), text.size()) == 8);
  CHECK(std::string(text.data()) == "headbody");
  REQUIRE(channel->close_write());
  CHECK(::read(from.get(), text.data(), text.size()) == 0);
  CHECK_FALSE(channel->write(buffer));
  to.reset();
  CHECK(channel->read(buffer).value() == 0);
}

TEST_CASE("a link tells a cut frame from the end, and frames in the wrong place") {
  {
    Ends ends;
    REQUIRE(::write(ends.theirs.get(),
                    "\x03\0\0\0\x05"
                    "ab",
                    7) == 7);
    Link link(std::move(ends.ours));
    CHECK(link.receive_arrived().value() == std::nullopt);
    ends.theirs.reset();
    CHECK(link.receive().error().message() == "the channel ended in the middle of a frame");
  }
  {
    Ends ends;
    Link link(std::move(ends.ours));
    ends.theirs.reset();
    const auto error = link.receive().error();
    CHECK(error.message() == "the channel ended");
    CHECK(error.code() == Errc::unavailable);
  }
  {
    Ends ends;
    REQUIRE(::write(ends.theirs.get(), "\x07\0\0\0\0", 5) == 5);
    Link link(std::move(ends.ours));
    CHECK(link.expect(FrameType::job).error().code() == Errc::corrupt);
  }
}

TEST_CASE("a message that no frame can hold is refused before it is sent") {
  Ends ends;
  Link link(std::move(ends.ours));
  CHECK(link.send_json(FrameType::job, std::string(kMaxPayload, 'x')).error().code() == Errc::usage);
  std::array<char, 4> text{};
  CHECK(::recv(ends.theirs.get(), text.data(), text.size(), MSG_DONTWAIT) < 0);
  // Bytes that are no UTF-8 in a text of an error are altered, not a crash.
  REQUIRE(link.send_json(FrameType::trailer, "\xff"));
  CHECK(parse_payload({FrameType::trailer, std::as_bytes(std::span("{", 1))}).error().code() == Errc::corrupt);
}
