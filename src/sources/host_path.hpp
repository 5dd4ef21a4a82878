#pragma once
// Absolute paths of the Engine's host, as text: they name files of another mount namespace, perhaps of another machine,
// so nothing here looks at a file system. Bytes, not UTF-8.

#include <optional>
#include <string>
#include <string_view>

namespace davit::sources {

// Without ".", "..", doubled and trailing slashes: "/srv/shop". Relative paths are taken from `base`, which is
// absolute.
[[nodiscard]] std::string normal_path(std::string_view path, std::string_view base = "/");
// `path` as seen from `directory`: "config/nginx", "." for the directory itself, nothing if it isn't below it. Both
// normal.
[[nodiscard]] std::optional<std::string> path_below(std::string_view path, std::string_view directory);
[[nodiscard]] std::string parent_of(std::string_view path);  // of "/srv/shop": "/srv"; of "/": "/"
[[nodiscard]] std::string last_part(std::string_view path);  // of "/srv/shop": "shop"

// The part of an artefact's path that stands for a name: encoded, and where that is too long for a file name, cut and
// made unique by a digest.
[[nodiscard]] std::string artefact_name(std::string_view name);

}  // namespace davit::sources
