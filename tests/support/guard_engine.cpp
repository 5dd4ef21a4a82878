#include "support/guard_engine.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "support/temporary_directory.hpp"

namespace davit::test {

namespace {

// davit's end of a guard's streams.
class SocketStream : public engine::AttachedStream {
 public:
  explicit SocketStream(UniqueFd socket) : socket_(std::move(socket)) {}

  Result<std::optional<Output>> next(std::optional<std::chrono::steady_clock::time_point> deadline) override {
    pollfd polled{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    int wait = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
      wait = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    }
    if (::poll(&polled, 1, wait) == 0) return fail(Errc::unavailable, "attached stream: timed out");
    const ssize_t got = ::read(socket_.get(), buffer_.data(), buffer_.size());
    if (got <= 0) return std::nullopt;
    return Output{Kind::out, std::as_bytes(std::span(buffer_)).first(static_cast<std::size_t>(got))};
  }
  Result<> write(std::span<const std::byte> bytes, std::stop_token) override {
    while (!bytes.empty()) {
      const ssize_t put = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put < 0) return fail_errno(errno, "write to stdin");
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
  }
  Result<> close_write() override {
    ::shutdown(socket_.get(), SHUT_WR);
    return {};
  }

 private:
  UniqueFd socket_;
  std::array<char, 65536> buffer_{};
};

helper::RescueReport settle_all(const helper::JournalEntries& entries) {
  helper::RescueReport report;
  for (const auto& [key, entry] : entries) {
    report.lines.push_back("did " + key);
    report.settled.push_back(key);
  }
  return report;
}

}  // namespace

struct GuardEngine::Keeper {
  TemporaryDirectory directory;
  UniqueFd socket;  // the guard's end, until it is started
  std::stop_source stop;
  bool killed = false;
  std::mutex mutex;  // of the log
  std::string log;
  std::thread thread;
};

GuardEngine::GuardEngine() {
  std::signal(SIGPIPE, SIG_IGN);
  on_rescue = settle_all;
  on_reach = [] { return Result<>(); };
  on_attach = [this](const engine::ContainerInfo& info) -> Result<std::unique_ptr<engine::AttachedStream>> {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) return fail_errno(errno, "socketpair");
    keeper_of(info.id)->socket.reset(fds[1]);
    return std::make_unique<SocketStream>(UniqueFd(fds[0]));
  };
  on_start = [this](const engine::ContainerInfo& info) -> Result<> {
    const auto keeper = keeper_of(info.id);
    end(keeper);
    keeper->stop = {};
    keeper->thread = std::thread([this, keeper, id = info.id, stop = keeper->stop.get_token()] {
      helper::GuardDuty duty{.directory = keeper->directory.path(),
                             .link = [keeper, stop]() -> Result<std::unique_ptr<helper::Link>> {
                               if (!keeper->socket) return fail(Errc::bug, "nobody is attached");
                               TRY_ASSIGN(channel, helper::FdChannel::over_socket(std::move(keeper->socket)));
                               auto link = std::make_unique<helper::Link>(std::move(channel));
                               link->channel().set_stop(stop);
                               return link;
                             },
                             .reach = on_reach,
                             .rescue = on_rescue,
                             .clear = [] { return Result<>(); },
                             .remove_self = [this, id] { return FakeEngine::remove_container(id, true); },
                             .say =
                                 [keeper](std::string_view line) {
                                   const std::scoped_lock lock(keeper->mutex);
                                   keeper->log += std::string(line) + "\n";
                                 }};
      duty.silence = silence;
      duty.retry = std::chrono::milliseconds(20);
      const auto kept = helper::keep_guard(duty, stop);
      finish_container(id, kept ? 0 : keeper->killed ? 137 : 1);
    });
    return {};
  };
}

GuardEngine::~GuardEngine() {
  for (const auto& [id, keeper] : keepers_) end(keeper);
}

std::shared_ptr<GuardEngine::Keeper> GuardEngine::keeper_of(const engine::ContainerId& id) {
  const auto info = FakeEngine::inspect_container(id);
  const std::scoped_lock lock(keepers_mutex_);
  auto& keeper = keepers_[info ? info->id.value : id.value];
  if (!keeper) keeper = std::make_shared<Keeper>();
  return keeper;
}

void GuardEngine::end(const std::shared_ptr<Keeper>& keeper) {
  if (!keeper->thread.joinable()) return;
  keeper->stop.request_stop();
  keeper->thread.join();
}

void GuardEngine::kill_guard(const std::string& name) {
  const auto keeper = keeper_of({name});
  keeper->killed = true;
  end(keeper);
}

bool GuardEngine::wait_for_end(const std::string& name) {
  for (int looks = 0; looks < 1000; ++looks) {
    if (status_of(name) != "running") return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::filesystem::path GuardEngine::directory_of(const std::string& name) { return keeper_of({name})->directory.path(); }

Result<> GuardEngine::stop_container(const engine::ContainerId& id, std::optional<std::chrono::seconds> grace) {
  end(keeper_of(id));
  return FakeEngine::stop_container(id, grace);
}

Result<> GuardEngine::remove_container(const engine::ContainerId& id, bool volumes) {
  end(keeper_of(id));
  return FakeEngine::remove_container(id, volumes);
}

Result<std::string> GuardEngine::container_logs(const engine::ContainerId& id, int) {
  TRY(on_logs());
  const auto keeper = keeper_of(id);
  const std::scoped_lock lock(keeper->mutex);
  // As the Engine keeps it: the answers on the channel are in there, too, and have no newlines.
  return std::string("\x06\0\0\0\x0f", 5) + R"({"status":"ok"})" + keeper->log;
}

}  // namespace davit::test
