#include "helper/place/mounts.hpp"

#include <fcntl.h>

#include <cerrno>

#include "helper/place/at.hpp"
#include "stream/fd_stream.hpp"
#include "util/text.hpp"

namespace davit::helper {
namespace {

constexpr std::size_t kLargest = 64U << 20U;

// The kernel writes space, tab, line break and backslash as \NNN.
std::string unescape(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

std::vector<std::string> mount_points_in(const std::string& mountinfo, std::string directory) {
  if (!directory.ends_with('/')) directory += '/';
  std::vector<std::string> below;
  for (const std::string& line : split(mountinfo, '\n')) {
    const std::vector<std::string> fields = split(line, ' ');
    if (fields.size() < 5) continue;
    const std::string point = unescape(fields[4]);
    if (point.size() > directory.size() && point.starts_with(directory))
      below.push_back(point.substr(directory.size()));
  }
  return below;
}

Result<std::vector<std::string>> mount_points_below(int directory) {
  const Sys<std::string> path = read_link_at(AT_FDCWD, "/proc/self/fd/" + std::to_string(directory));
  if (!path) return fail_errno(path.error(), "find the path of the directory");
  Sys<UniqueFd> fd = open_at(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY);
  if (!fd) return fail_errno(fd.error(), "open /proc/self/mountinfo");
  stream::FdSource source(std::move(*fd), "/proc/self/mountinfo");
  TRY_ASSIGN(text, stream::read_all(source, kLargest));
  return mount_points_in(text, *path);
}

}  // namespace davit::helper
