#include "helper/channel/channel.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

namespace davit::helper {

namespace {

std::unexpected<Error> gone(int err, std::string_view what) {
  auto error = fail_errno(err, what);
  if (err == EPIPE || err == ECONNRESET) return std::unexpected(std::move(error.error()).as(Errc::unavailable));
  return error;
}

int poll_timeout(Deadline deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

}  // namespace

void FdChannel::Wake::operator()() const noexcept {
  const std::uint64_t one = 1;
  // Can only fail when the counter is full, and then it is readable anyway.
  [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
}

FdChannel::FdChannel(UniqueFd in, UniqueFd out, UniqueFd wake, bool socket)
    : in_(std::move(in)), out_(std::move(out)), socket_(socket), wake_(std::move(wake)) {}
FdChannel::~FdChannel() = default;

Result<std::unique_ptr<FdChannel>> FdChannel::over_socket(UniqueFd socket) { return make(std::move(socket), {}, true); }

Result<std::unique_ptr<FdChannel>> FdChannel::over_pipes(UniqueFd in, UniqueFd out) {
  return make(std::move(in), std::move(out), false);
}

Result<std::unique_ptr<FdChannel>> FdChannel::make(UniqueFd in, UniqueFd out, bool socket) {
  for (const int fd : {in.get(), out.get()}) {
    if (fd < 0) continue;
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return fail_errno(errno, "prepare the channel");
  }
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return fail_errno(errno, "prepare the channel: eventfd");
  return std::unique_ptr<FdChannel>(new FdChannel(std::move(in), std::move(out), std::move(wake), socket));
}

void FdChannel::set_stop(std::stop_token stop) {
  on_stop_.reset();
  std::uint64_t count = 0;
  [[maybe_unused]] const auto drained = ::read(wake_.get(), &count, sizeof count);
  stop_ = std::move(stop);
  if (stop_.stop_possible()) on_stop_.emplace(stop_, Wake{wake_.get()});
}

Result<bool> FdChannel::wait(int fd, short events, Deadline deadline) {
  for (;;) {
    std::array<pollfd, 2> fds{
        {{.fd = fd, .events = events, .revents = 0}, {.fd = wake_.get(), .events = POLLIN, .revents = 0}}};
    const int ready = ::poll(fds.data(), fds.size(), poll_timeout(deadline));
    if (ready < 0 && errno != EINTR) return fail_errno(errno, "wait for the channel");
    if (stop_.stop_requested()) return fail(Errc::cancelled, "cancelled");
    if (ready > 0 && fds[0].revents != 0) return true;
    if (deadline && std::chrono::steady_clock::now() >= *deadline) return false;
  }
}

Result<std::optional<std::size_t>> FdChannel::read(std::span<std::byte> into, Deadline deadline) {
  for (;;) {
    if (stop_.stop_requested()) return fail(Errc::cancelled, "cancelled");
    const ssize_t got = ::read(in_.get(), into.data(), into.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return gone(errno, "read from the channel");
    TRY_ASSIGN(ready, wait(in_.get(), POLLIN, deadline));
    if (!ready) return std::nullopt;
  }
}

Result<> FdChannel::write(std::span<const std::byte> head, std::span<const std::byte> body) {
  if (out_closed_) return fail(Errc::bug, "write to the channel: its end was said already");
  while (!head.empty() || !body.empty()) {
    if (stop_.stop_requested()) return fail(Errc::cancelled, "cancelled");
    // The kernel's interface is not const-correct: it only reads from these.
    std::array<iovec, 2> parts{
        {{const_cast<std::byte*>(head.data()), head.size()}, {const_cast<std::byte*>(body.data()), body.size()}}};
    ssize_t put = 0;
    if (socket_) {
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = parts.size();
      put = ::sendmsg(in_.get(), &message, MSG_NOSIGNAL);
    } else {
      put = ::writev(out_.get(), parts.data(), static_cast<int>(parts.size()));
    }
    if (put < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return gone(errno, "write to the channel");
      TRY(wait(socket_ ? in_.get() : out_.get(), POLLOUT, {}));
      continue;
    }
    const auto of_head = std::min(static_cast<std::size_t>(put), head.size());
    head = head.subspan(of_head);
    body = body.subspan(static_cast<std::size_t>(put) - of_head);
  }
  return {};
}

Result<> FdChannel::close_write() {
  if (std::exchange(out_closed_, true)) return {};
  if (!socket_) {
    out_.reset();
    return {};
  }
  if (::shutdown(in_.get(), SHUT_WR) != 0 && errno != ENOTCONN) return fail_errno(errno, "end the channel");
  return {};
}

}  // namespace davit::helper
