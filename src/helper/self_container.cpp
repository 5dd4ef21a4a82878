#include "helper/self_container.hpp"

#include <algorithm>
#include <array>

#include "util/text.hpp"

namespace davit::helper {

namespace {

constexpr std::array<std::string_view, 3> kTargets{"/etc/hostname", "/etc/resolv.conf", "/etc/hosts"};

bool is_id(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// proc_pid_mountinfo(5): field 4 is the root of the mount inside its file system, field 5 the mount point.
std::optional<std::string> id_in_root_of(std::string_view mountinfo, std::string_view target) {
  for (const std::string& line : split(mountinfo, '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() < 5 || fields[4] != target) continue;
    for (const std::string& part : split(fields[3], '/')) {
      if (is_id(part)) return part;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> container_in_mountinfo(std::string_view mountinfo) {
  for (const std::string_view target : kTargets) {
    if (auto id = id_in_root_of(mountinfo, target)) return id;
  }
  return std::nullopt;
}

}  // namespace davit::helper
