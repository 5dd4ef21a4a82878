#include "util/signal_stop.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace davit {

Result<std::unique_ptr<SignalStop>> SignalStop::install() {
  // A reader that has gone and a limit on the size of files (RLIMIT_FSIZE) are errors of write(2), which are reported.
  for (const int number : {SIGPIPE, SIGXFSZ})
    if (std::signal(number, SIG_IGN) == SIG_ERR) return fail_errno(errno, "ignore a signal");
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    // Whoever started us with it ignored (nohup, a shell's background job) means it; blocked, it would come all the
    // same.
    struct sigaction now{};
    if (::sigaction(number, nullptr, &now) != 0) return fail_errno(errno, "look at a signal");
    if (now.sa_handler != SIG_IGN) sigaddset(&set, number);
  }
  if (const int err = pthread_sigmask(SIG_BLOCK, &set, nullptr); err != 0) return fail_errno(err, "block signals");
  UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC));
  UniqueFd end(::eventfd(0, EFD_CLOEXEC));
  if (!signals || !end) return fail_errno(errno, "wait for signals");
  return std::unique_ptr<SignalStop>(new SignalStop(std::move(signals), std::move(end)));
}

SignalStop::SignalStop(UniqueFd signals, UniqueFd end)
    : signals_(std::move(signals)), end_(std::move(end)), thread_([this] { wait(); }) {}

SignalStop::~SignalStop() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(end_.get(), &one, sizeof one);
  thread_.join();
}

void SignalStop::wait() noexcept {
  std::array<pollfd, 2> fds{
      {{.fd = signals_.get(), .events = POLLIN, .revents = 0}, {.fd = end_.get(), .events = POLLIN, .revents = 0}}};
  while (::poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
  }
  // The first signal is enough: whoever sends another wants what is happening already.
  if (fds[0].revents != 0) source_.request_stop();
}

}  // namespace davit
