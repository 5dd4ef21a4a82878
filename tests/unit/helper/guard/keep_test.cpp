#include "helper/guard/keep.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "helper/channel/handshake.hpp"
#include "helper/channel/message.hpp"
#include "helper/guard/journal_file.hpp"
#include "support/temporary_directory.hpp"

using namespace davit;
using namespace davit::helper;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

// A guard in a thread, and davit's end of its channel.
class Keeper {
 public:
  test::TemporaryDirectory directory;
  GuardDuty duty;
  std::vector<JournalEntries> rescues;
  std::vector<std::string> said;
  int cleared = 0;
  int removed = 0;
  int linked = 0;
  std::unique_ptr<Link> davit;

  Keeper() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    auto ours = FdChannel::over_socket(UniqueFd(fds[0]));
    auto theirs = FdChannel::over_socket(UniqueFd(fds[1]));
    REQUIRE(ours);
    REQUIRE(theirs);
    davit = std::make_unique<Link>(*std::move(ours));
    guard_ = std::make_unique<Link>(*std::move(theirs));
    guard_->channel().set_stop(stop_.get_token());
    duty = {.directory = directory.path(),
            .link = [this]() -> Result<std::unique_ptr<Link>> {
              ++linked;
              return std::move(guard_);
            },
            .reach = [] { return Result<>(); },
            .rescue =
                [this](const JournalEntries& entries) {
                  rescues.push_back(entries);
                  RescueReport report;
                  for (const auto& [key, entry] : entries) {
                    report.settled.push_back(key);
                    report.lines.push_back("did " + key);
                  }
                  return report;
                },
            .clear =
                [this] {
                  ++cleared;
                  return Result<>();
                },
            .remove_self =
                [this] {
                  ++removed;
                  return Result<>();
                },
            .say = [this](std::string_view line) { said.emplace_back(line); }};
    duty.retry = 1ms;
  }
  ~Keeper() {
    stop_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

  void start() {
    thread_ = std::thread([this] { ended_ = keep_guard(duty, stop_.get_token()); });
  }
  Hello greet() {
    const auto frame = davit->expect(FrameType::hello);
    REQUIRE(frame);
    const auto hello = read_hello(*frame);
    REQUIRE(hello);
    REQUIRE(answer_helper(*davit, {}));
    return *hello;
  }
  Result<> ask(FrameType type, const json& payload = {}) {
    TRY(payload.is_null() ? davit->send(type) : davit->send_json(type, payload));
    TRY_ASSIGN(frame, davit->expect(FrameType::trailer, std::chrono::steady_clock::now() + 10s));
    TRY_ASSIGN(trailer, parse_payload(frame));
    TRY(result_of_trailer(trailer));
    return {};
  }
  Result<> record(const std::string& key) {
    return ask(FrameType::record, {{"key", key}, {"entry", {{"kind", "held"}}}});
  }
  Result<> stop() {
    stop_.request_stop();
    return end();
  }
  Result<> end() {
    thread_.join();
    return ended_;
  }
  JournalEntries on_disk() {
    const auto journal = JournalFile::open(directory.path());
    REQUIRE(journal);
    return journal->entries();
  }

 private:
  std::unique_ptr<Link> guard_;
  std::stop_source stop_;
  Result<> ended_;
  std::thread thread_;
};

std::vector<std::string> keys_of(const JournalEntries& entries) {
  std::vector<std::string> keys;
  for (const auto& [key, entry] : entries) keys.push_back(key);
  return keys;
}

}  // namespace

TEST_CASE("an entry is on disk when the guard has answered, and off it when it was struck") {
  Keeper keeper;
  keeper.start();
  CHECK(keeper.greet().problem.empty());
  REQUIRE(keeper.record("app"));
  CHECK(keys_of(keeper.on_disk()) == std::vector<std::string>{"app"});
  REQUIRE(keeper.record("db"));
  REQUIRE(keeper.ask(FrameType::ping));
  REQUIRE(keeper.ask(FrameType::strike, {{"key", "app"}}));
  CHECK(keys_of(keeper.on_disk()) == std::vector<std::string>{"db"});
  REQUIRE(keeper.ask(FrameType::strike, {{"key", "db"}}));
  REQUIRE(keeper.ask(FrameType::bye));
  REQUIRE(keeper.end());
  CHECK(keeper.rescues.empty());
  CHECK(keeper.removed == 0);
}

TEST_CASE("a guard whose davit is gone puts right what the journal holds, and stays to tell") {
  Keeper keeper;
  keeper.start();
  keeper.greet();
  REQUIRE(keeper.record("app"));
  REQUIRE(keeper.record("db"));
  SECTION("its end of the channel is closed") { keeper.davit.reset(); }
  SECTION("in the middle of a frame") {
    const std::array<std::byte, 3> part{std::byte{9}, std::byte{0}, std::byte{0}};
    REQUIRE(keeper.davit->channel().write(part));
    keeper.davit.reset();
  }
  SECTION("it says what nobody understands") { REQUIRE(keeper.davit->send(FrameType::job)); }
  REQUIRE(keeper.end());
  REQUIRE(keeper.rescues.size() == 1);
  CHECK(keys_of(keeper.rescues[0]) == std::vector<std::string>{"app", "db"});
  CHECK(std::ranges::contains(keeper.said, "rescued: did db"));
  CHECK(keeper.cleared == 1);
  CHECK(keeper.removed == 0);
  CHECK(keeper.on_disk().empty());
}

TEST_CASE("a davit that says nothing for too long counts as dead") {
  Keeper keeper;
  keeper.duty.silence = 100ms;
  keeper.start();
  keeper.greet();
  REQUIRE(keeper.record("app"));
  REQUIRE(keeper.end());
  CHECK(keeper.rescues.size() == 1);
}

TEST_CASE("a guard with nothing to put right removes itself") {
  Keeper keeper;
  keeper.start();
  keeper.greet();
  keeper.davit.reset();
  REQUIRE(keeper.end());
  CHECK(keeper.rescues.empty());
  CHECK(keeper.cleared == 1);
  CHECK(keeper.removed == 1);
}

TEST_CASE("a bye with a journal that holds something is refused, and that is put right") {
  Keeper keeper;
  keeper.start();
  keeper.greet();
  REQUIRE(keeper.record("app"));
  const auto released = keeper.ask(FrameType::bye);
  REQUIRE_FALSE(released);
  CHECK(released.error().message().contains("app"));
  REQUIRE(keeper.end());
  CHECK(keeper.rescues.size() == 1);
}

TEST_CASE("a guard that finds a journal was started anew, and asks nobody") {
  Keeper keeper;
  {
    auto before = JournalFile::open(keeper.directory.path());
    REQUIRE(before);
    REQUIRE(before->record("app", {{"kind", "held"}}));
  }
  keeper.start();
  REQUIRE(keeper.end());
  CHECK(keeper.linked == 0);
  REQUIRE(keeper.rescues.size() == 1);
  CHECK(keys_of(keeper.rescues[0]) == std::vector<std::string>{"app"});
}

TEST_CASE("a guard that is told to stop ends at once and keeps its journal") {
  Keeper keeper;
  keeper.start();
  keeper.greet();
  REQUIRE(keeper.record("app"));
  SECTION("while davit lives") {}
  SECTION("while it puts right") {
    keeper.duty.rescue = [](const JournalEntries&) { return RescueReport{{}, {"app: not now"}, {}}; };
    keeper.davit.reset();
  }
  const auto ended = keeper.stop();
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code() == Errc::cancelled);
  CHECK(keys_of(keeper.on_disk()) == std::vector<std::string>{"app"});
  CHECK(keeper.removed == 0);
}

TEST_CASE("what fails is tried again, and only that") {
  Keeper keeper;
  std::vector<std::vector<std::string>> asked;
  keeper.duty.rescue = [&](const JournalEntries& entries) {
    asked.push_back(keys_of(entries));
    if (asked.size() == 1) return RescueReport{{"b runs again"}, {"a: no such image"}, {"b"}};
    if (asked.size() == 2) return RescueReport{{}, {"a: no such image"}, {}};
    return RescueReport{{"a runs again"}, {}, {"a"}};
  };
  keeper.start();
  keeper.greet();
  REQUIRE(keeper.record("a"));
  REQUIRE(keeper.record("b"));
  keeper.davit.reset();
  REQUIRE(keeper.end());
  CHECK(asked == std::vector<std::vector<std::string>>{{"a", "b"}, {"a"}, {"a"}});
  CHECK(keeper.on_disk().empty());
  CHECK(std::ranges::count(keeper.said, "not yet: a: no such image") == 1);
  CHECK(keeper.said.back() == "rescued: a runs again");
}

TEST_CASE("a guard that does not reach the Engine says so to davit, and ends when it should put something right") {
  Keeper keeper;
  keeper.duty.reach = []() -> Result<> { return fail(Errc::unavailable, "connect: connection refused"); };
  keeper.start();
  CHECK(keeper.greet().problem == "connect: connection refused");
  REQUIRE(keeper.record("a"));
  keeper.davit.reset();
  const auto ended = keeper.end();
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code() == Errc::unavailable);
  CHECK(keeper.rescues.empty());
  CHECK(keys_of(keeper.on_disk()) == std::vector<std::string>{"a"});
}
