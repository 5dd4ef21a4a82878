#include "helper/channel/handshake.hpp"

#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "helper/channel/message.hpp"

using namespace davit;
using namespace davit::helper;

namespace {

constexpr auto kLook = std::chrono::milliseconds(5);

std::unique_ptr<Link> connected(const Listener& listener) {
  return std::make_unique<Link>(connect_abstract(listener.name()).value());
}

void say_hello(Link& link, const std::string& proof, int protocol = kProtocol) {
  REQUIRE(link.send_json(FrameType::hello, to_json(Hello{protocol, "0", 0, proof})));
}

// Until the listener has dropped it.
void expect_dropped(Listener& listener, const Secrets& secrets, Link& link) {
  for (;;) {
    REQUIRE(listener.poll(kLook, secrets).value() == nullptr);
    const auto frame = link.receive_arrived();
    if (!frame) break;
    REQUIRE(!frame->has_value());
  }
}

}  // namespace

TEST_CASE("secrets are random and survive their file") {
  const Secrets one = make_secrets();
  const Secrets two = make_secrets();
  CHECK(one.of_helper != two.of_helper);
  CHECK(one.of_helper != one.of_davit);
  const auto read = parse_secrets(render_secrets(one)).value();
  CHECK(read.of_helper == one.of_helper);
  CHECK(read.of_davit == one.of_davit);
  CHECK_FALSE(parse_secrets(""));
  CHECK_FALSE(parse_secrets("a\nb\n"));
  CHECK(same_secret("abc", "abc"));
  CHECK_FALSE(same_secret("abc", "abd"));
  CHECK_FALSE(same_secret("abc", "ab"));
}

TEST_CASE("the helper with the right secret is let in, past strangers of every kind") {
  auto listener = Listener::open().value();
  const Secrets secrets = make_secrets();

  const auto wrong = connected(listener);
  say_hello(*wrong, make_secrets().of_helper);
  expect_dropped(listener, secrets, *wrong);

  const auto none = connected(listener);
  say_hello(*none, "");
  expect_dropped(listener, secrets, *none);

  const auto davits = connected(listener);
  say_hello(*davits, secrets.of_davit);
  expect_dropped(listener, secrets, *davits);

  const auto other_version = connected(listener);
  say_hello(*other_version, secrets.of_helper, kProtocol + 1);
  expect_dropped(listener, secrets, *other_version);

  const auto early = connected(listener);
  REQUIRE(early->send(FrameType::data, std::as_bytes(std::span("x", 1))));
  expect_dropped(listener, secrets, *early);

  const auto garbage = connected(listener);
  REQUIRE(garbage->channel().write(std::as_bytes(std::span("GET / HTTP/1.1", 14))));
  expect_dropped(listener, secrets, *garbage);

  std::vector<std::unique_ptr<Link>> silent;
  for (int i = 0; i < 40; ++i) {
    silent.push_back(connected(listener));
    REQUIRE(listener.poll(std::chrono::milliseconds(0), secrets).value() == nullptr);
  }

  const auto link = connected(listener);
  Result<> greeted;
  std::thread helper([&] { greeted = greet_davit(*link, secrets); });
  std::unique_ptr<Channel> channel;
  while (!channel) channel = listener.poll(kLook, secrets).value();
  Link ours(std::move(channel));
  CHECK(answer_helper(ours, secrets));
  helper.join();
  CHECK(greeted);
}

TEST_CASE("a helper does not serve somebody who took davit's place") {
  auto listener = Listener::open().value();
  const Secrets secrets = make_secrets();
  const auto link = connected(listener);
  Result<> greeted;
  std::thread helper([&] { greeted = greet_davit(*link, secrets); });
  std::unique_ptr<Channel> channel;
  while (!channel) channel = listener.poll(kLook, secrets).value();
  Link impostor(std::move(channel));
  CHECK(answer_helper(impostor, {secrets.of_helper, secrets.of_helper}));
  helper.join();
  REQUIRE_FALSE(greeted);
  CHECK(greeted.error().code() == Errc::credentials);
}

TEST_CASE("nobody listens under a name that is not there") {
  CHECK_FALSE(connect_abstract("davit-nobody"));
  CHECK_FALSE(connect_abstract(""));
  CHECK_FALSE(connect_abstract(std::string(200, 'x')));
}
