#include "stream/patient_fd.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace davit::stream {
namespace {

constexpr int kTick = 200;  // milliseconds
constexpr std::size_t kFileAtOnce = std::size_t{1} << 20U;

// Until read(2) or write(2) would not block, at least for PIPE_BUF bytes.
Result<> wait_for(int fd, short events, const std::stop_token& stop, const std::string& what) {
  while (true) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "cancelled");
    pollfd waited{.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&waited, 1, kTick);
    if (ready < 0 && errno != EINTR) return fail_errno(errno, what);
    if (ready > 0) return {};  // also where it has failed: the call that follows says how
  }
}

bool is_file(int fd) {
  struct stat status{};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

PatientSource::PatientSource(int fd, std::string name, std::stop_token stop)
    : fd_(fd), name_(std::move(name)), stop_(std::move(stop)) {}

Result<std::size_t> PatientSource::read(std::span<std::byte> into) {
  const std::string what = "read " + name_;
  while (true) {
    TRY(wait_for(fd_, POLLIN, stop_, what));
    const ssize_t got = ::read(fd_, into.data(), into.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR && errno != EAGAIN) return fail_errno(errno, what);
  }
}

PatientSink::PatientSink(int fd, std::string name, std::stop_token stop)
    : fd_(fd), name_(std::move(name)), stop_(std::move(stop)), at_once_(is_file(fd) ? kFileAtOnce : PIPE_BUF) {}

Result<> PatientSink::write(std::span<const std::byte> bytes) {
  const std::string what = "write " + name_;
  while (!bytes.empty()) {
    TRY(wait_for(fd_, POLLOUT, stop_, what));
    const ssize_t put = ::write(fd_, bytes.data(), std::min(bytes.size(), at_once_));
    if (put < 0 && errno != EINTR && errno != EAGAIN) return fail_errno(errno, what);
    if (put > 0) bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

}  // namespace davit::stream
