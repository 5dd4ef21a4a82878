#include "util/whole_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "util/unique_fd.hpp"

namespace davit {

Result<std::string> read_whole_file(const std::string& path, std::size_t limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + path);
  std::string text;
  std::size_t length = 0;
  while (true) {
    // One byte past the limit tells that there are more.
    if (length == text.size()) text.resize(std::min(std::max<std::size_t>(2 * length, 4096), limit + 1));
    const ssize_t count = ::read(fd.get(), text.data() + length, text.size() - length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, "read " + path);
    length += static_cast<std::size_t>(count);
    if (length > limit)
      return fail(Errc::failed, "read " + path + ": it has more than " + std::to_string(limit) + " bytes");
    if (count == 0) break;
  }
  text.resize(length);
  return text;
}

}  // namespace davit
