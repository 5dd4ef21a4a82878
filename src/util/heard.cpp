#include "util/heard.hpp"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace davit {

bool is_heard() {
  constexpr int kPatience = 1000;  // ms
  static std::atomic<bool> stuck{false};
  pollfd err{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  const int ready = ::poll(&err, 1, stuck ? 0 : kPatience);
  // A signal is no answer, and neither is a file that can't be polled: as before.
  if (ready < 0) return errno == EINTR ? !stuck : true;
  stuck = ready == 0;
  return ready > 0;
}

}  // namespace davit
