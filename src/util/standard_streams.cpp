#include "util/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace davit {

Result<> fill_standard_streams() {
  for (const int place : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(place, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest place that is free is this one, as those before it are filled.
    if (::open("/dev/null", place == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0)
      return fail_errno(errno, "open /dev/null in place of a standard stream");
  }
  return {};
}

}  // namespace davit
