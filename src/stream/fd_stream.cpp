#include "stream/fd_stream.hpp"

#include <unistd.h>

#include <cerrno>

namespace davit::stream {

Result<std::size_t> FdSource::read(std::span<std::byte> into) {
  for (;;) {
    const ssize_t got = ::read(fd_, into.data(), into.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return fail_errno(errno, "read " + name_);
  }
}

Result<> FdSink::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "write " + name_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<> FdSink::finish() {
  // Network file systems report at close what they could not store.
  if (const int err = owned_.close_checked(); err != 0) return fail_errno(err, "close " + name_);
  return {};
}

}  // namespace davit::stream
