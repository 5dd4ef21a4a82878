#include "helper/guard/guard.hpp"

#include <condition_variable>
#include <format>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "helper/channel/handshake.hpp"
#include "helper/guard/guard_spec.hpp"
#include "helper/guard/lock.hpp"
#include "helper/own_container.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::helper {

using nlohmann::json;
using std::chrono::steady_clock;

namespace {

constexpr auto kHelloTime = std::chrono::seconds(30);
constexpr auto kGlance = std::chrono::milliseconds(20);
constexpr auto kPing = std::chrono::seconds(2);
// Longer than any disk takes to sync a small file, and shorter than the guard waits before it takes us for dead.
constexpr auto kAnswerTime = std::chrono::seconds(20);
constexpr auto kStopTime = std::chrono::seconds(5);
constexpr auto kEndTime = std::chrono::seconds(10);
constexpr auto kLockGlance = std::chrono::milliseconds(500);
constexpr int kRemovalGlances = 1500;  // half a minute: an Engine may go on refusing the name of what it has removed

class ContainerGuard : public Guard {
 public:
  ContainerGuard(HostState& host, const GuardOptions& options, RunContext& run)
      : host_(host), options_(options), run_(run), container_(host, run, "guard", guard_name(options.stack)) {}
  ~ContainerGuard() override {
    stop_heart();
    if (standing_) leave();
  }
  ContainerGuard(ContainerGuard&&) = delete;

  [[nodiscard]] Result<> take_lock();
  [[nodiscard]] Result<> stand_guard();

  Result<> record(std::string_view key, const json& entry) override {
    return in_context(call(FrameType::record, {{"key", key}, {"entry", entry}}), "record what must be put right");
  }
  Result<> strike(std::string_view key) override {
    return in_context(call(FrameType::strike, {{"key", key}}), "tell the guard what was put right");
  }
  Result<> check() override { return call(FrameType::ping, {}); }
  std::stop_token lost() const override { return lost_.get_token(); }
  bool waited() const override { return waited_; }
  Result<> release() override;

 private:
  [[nodiscard]] Result<> wait_for_hello();
  [[nodiscard]] Result<> call(FrameType type, const json& payload);
  // The guard's answer; an error of the channel itself goes to `failure`.
  [[nodiscard]] Result<> ask(FrameType type, std::string_view text, std::optional<Error>& failure);
  // What is left is the guard's: it sees the end of the channel; or it is started again, if it was lost.
  void leave();
  void beat(const std::stop_token& stop);
  void stop_heart();

  HostState& host_;
  GuardOptions options_;
  RunContext& run_;
  HelperImage image_;
  OwnContainer container_;
  bool waited_ = false;
  bool standing_ = false;  // it has taken up its duty
  std::mutex mutex_;       // of the channel, and of failure_
  std::unique_ptr<Link> link_;
  std::optional<Error> failure_;  // it is lost
  std::stop_source lost_;
  std::jthread heart_;
};

Result<> ContainerGuard::take_lock() {
  // First, as it may take its time: nobody is to find a lock whose guard does not come.
  TRY_ASSIGN(image, host_.image(run_));
  image_ = std::move(image);
  engine::Labels labels = engine::own_labels(run_, kGuardRole);
  labels.emplace(engine::kStackLabel, options_.stack);
  labels.emplace(engine::kCommandLabel, options_.command);
  const auto deadline = steady_clock::now() + options_.lock_wait;
  bool noted = false;
  int glances = 0;
  for (;;) {
    TRY(run_.check());
    labels.insert_or_assign(std::string(engine::kSinceLabel), render_rfc3339(run_.clock.now()));
    auto made = container_.create(guard_body({image_, labels, options_.stack, run_.run_id, options_.engine_socket}));
    if (made) return {};
    if (made.error().code() != Errc::exists) {
      Error error = std::move(made).error().context("create the guard " + container_.name());
      if (error.message().contains("bind source path"))
        return std::unexpected(std::move(error).hint_if_none(
            "set DAVIT_ENGINE_SOCKET to the path that the Engine's socket has on the Engine's own host"));
      return std::unexpected(std::move(error));
    }
    waited_ = true;
    auto there = host_.engine().inspect_container({container_.name()});
    if (!there && there.error().code() != Errc::not_found)
      return std::unexpected(std::move(there).error().context("look who holds stack " + options_.stack));
    if (!there) {
      // It is just being removed.
      if (++glances == kRemovalGlances)
        return fail(Errc::unavailable,
                    "create the guard " + container_.name() +
                        ": the Engine says that there is a container of that name, and that there is none",
                    "restart the Engine");
      run_.clock.sleep_for(kGlance);
      continue;
    }
    glances = 0;
    if (const auto role = there->labels.find(engine::kRoleLabel);
        role == there->labels.end() || role->second != kGuardRole)
      return fail(Errc::exists,
                  "create the guard of stack " + options_.stack + ": there is a container named " + container_.name() +
                      ", which is not davit's",
                  "rename or remove that container");
    TRY_ASSIGN(settled, settle(host_.engine(), options_.is_alive, there->id, run_));
    for (const std::string& line : settled.lines) run_.reporter.warning(line);
    if (!settled.holder) continue;
    const Error locked = locked_by(*settled.holder);
    if (steady_clock::now() >= deadline) return std::unexpected(locked);
    if (!std::exchange(noted, true)) run_.reporter.note("waiting: " + locked.message());
    run_.clock.sleep_for(kLockGlance);
  }
}

Result<> ContainerGuard::stand_guard() {
  const std::string& self = container_.id().value;
  TRY(container_.put_tools(image_, {{kSelfName, 0400, self}}));
  TRY(container_.start());
  TRY(wait_for_hello());
  link_ = std::make_unique<Link>(container_.take_streams());
  TRY(answer_helper(*link_, {}));
  standing_ = true;
  heart_ = std::jthread([this](const std::stop_token& stop) { beat(stop); });
  return {};
}

Result<> ContainerGuard::wait_for_hello() {
  const auto deadline = steady_clock::now() + kHelloTime;
  for (;;) {
    TRY(run_.check());
    TRY_ASSIGN(hello, container_.poll_hello(kGlance));
    if (hello && hello->problem.empty()) return {};
    if (hello)
      return fail(Errc::failed,
                  "the guard can't reach the Engine, whose socket was taken to be " + options_.engine_socket +
                      " on the Engine's own host: " + hello->problem,
                  "set DAVIT_ENGINE_SOCKET to the path that the socket has there");
    if (steady_clock::now() >= deadline)
      return std::unexpected(container_.explain(Error(Errc::unavailable, "the guard said nothing for half a minute")));
  }
}

Result<> ContainerGuard::ask(FrameType type, std::string_view text, std::optional<Error>& failure) {
  const auto exchange = [&]() -> Result<json> {
    TRY(link_->send(type, std::as_bytes(std::span(text))));
    TRY_ASSIGN(frame, link_->expect(FrameType::trailer, steady_clock::now() + kAnswerTime));
    return parse_payload(frame);
  };
  const auto answer = exchange();
  if (!answer) {
    failure = answer.error();
    return std::unexpected(answer.error());
  }
  TRY(result_of_trailer(*answer));
  return {};
}

Result<> ContainerGuard::call(FrameType type, const json& payload) {
  std::string text;
  try {
    // Nothing is altered silently: what was recorded is what is put right.
    if (!payload.is_null()) text = payload.dump();
  } catch (const json::exception& error) {
    return fail(Errc::bug, std::string("an entry of the journal: ") + error.what());
  }
  if (text.size() > kMaxPayload)
    return fail(Errc::failed,
                std::format("an entry of the journal has {}, and the guard takes no more than {}",
                            render_bytes(text.size()), render_bytes(kMaxPayload)),
                "restore fewer things at once, with --only");
  Result<> answered;
  {
    const std::scoped_lock lock(mutex_);
    if (failure_) return std::unexpected(*failure_);
    if (!link_) return fail(Errc::bug, "the guard was released");
    std::optional<Error> broken;
    answered = ask(type, text, broken);
    if (!broken) return answered;
    failure_ = Error(Errc::failed,
                     std::format("the guard {} is lost: {}", container_.name(), container_.explain(*broken).message()));
    answered = std::unexpected(*failure_);
    // Its Engine may start it anew, or it has only lost us: two must not put the same right at the same time.
    (void)host_.engine().stop_container(container_.id(), kStopTime);
  }
  // Not under the lock: who is called back may well ask us something.
  lost_.request_stop();
  return answered;
}

void ContainerGuard::beat(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    never.wait_for(lock, stop, kPing, [] { return false; });
    if (stop.stop_requested()) return;
    if (const auto alive = call(FrameType::ping, {}); !alive) {
      log_warning(alive.error().message());
      return;
    }
  }
}

void ContainerGuard::stop_heart() {
  if (!heart_.joinable()) return;
  heart_.request_stop();
  heart_.join();
}

void ContainerGuard::leave() {
  link_.reset();
  if (failure_) {
    // One that is done stays as it is, for somebody to hear what it did.
    const auto info = host_.engine().inspect_container(container_.id());
    if (info && info->state.exit_code != 0) (void)host_.engine().start_container(container_.id());
  }
  container_.keep();
  standing_ = false;
}

Result<> ContainerGuard::release() {
  stop_heart();
  if (auto ended = call(FrameType::bye, {}); !ended) {
    leave();
    if (lost_.stop_requested()) return ended;
    return in_context(std::move(ended), "the guard " + container_.name() + " goes on to put right what is left");
  }
  const std::scoped_lock lock(mutex_);
  (void)link_->channel().close_write();
  if (!link_->drain(steady_clock::now() + kEndTime)) log_warning("the guard does not end by itself");
  link_.reset();
  standing_ = false;
  return container_.remove();
}

}  // namespace

Result<std::unique_ptr<Guard>> Guard::acquire(Host& host, const GuardOptions& options, RunContext& run) {
  auto guard = std::make_unique<ContainerGuard>(*host.impl_, options, run);
  TRY(guard->take_lock());
  TRY(guard->stand_guard());
  return guard;
}

}  // namespace davit::helper
