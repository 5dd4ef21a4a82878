#pragma once
// Lines of Plan::needs for paths of the host: a restore reads them again, to know what must be there before it begins.

#include <optional>
#include <string>
#include <string_view>

namespace davit::sources {

// "path /srv/tls of the host (bind mount of web)". `path` is absolute.
[[nodiscard]] std::string path_need(const std::string& path, const std::string& why);
// The path of such a line; nothing of any other.
[[nodiscard]] std::optional<std::string> needed_path(std::string_view line);

}  // namespace davit::sources
