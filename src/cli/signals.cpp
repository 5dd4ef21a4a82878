#include "cli/signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>

namespace davit::cli {

SignalWatch::SignalWatch() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A reader that has gone and a limit on the size of files (RLIMIT_FSIZE) are errors of write(2), which are reported.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC);
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  if (signals < 0 || wake_ < 0) {
    // Without the thread a blocked signal would never be seen: let it end the process as it does by default.
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    if (signals >= 0) ::close(signals);
    return;
  }
  thread_ = std::jthread([this, signals] {
    std::array<pollfd, 2> ready{pollfd{signals, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
    while (::poll(ready.data(), ready.size(), -1) < 0 || ready[1].revents == 0) {
      if (ready[0].revents == 0) continue;
      signalfd_siginfo info{};
      if (::read(signals, &info, sizeof info) == sizeof info) stop_.request_stop();
    }
    ::close(signals);
  });
}

SignalWatch::~SignalWatch() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    // An eventfd takes eight bytes at once, or this process is beyond help.
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
    thread_.join();
  }
  if (wake_ >= 0) ::close(wake_);
}

}  // namespace davit::cli
