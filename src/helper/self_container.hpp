#pragma once
// Whether davit itself runs in a container, and in which.

#include <optional>
#include <string>
#include <string_view>

namespace davit::helper {

// The id in the text of /proc/self/mountinfo: an Engine mounts files of the container's directory over /etc/hostname,
// /etc/resolv.conf and /etc/hosts, and that directory bears its id. In a container that was put into the network of
// another one, it is the other's: it has the same network namespace. A candidate only, to be proven by inspecting it.
[[nodiscard]] std::optional<std::string> container_in_mountinfo(std::string_view mountinfo);

}  // namespace davit::helper
