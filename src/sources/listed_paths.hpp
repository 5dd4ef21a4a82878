#pragma once
// Lists of files in Compose's labels.

#include <string>
#include <string_view>
#include <vector>

#include "util/text.hpp"

namespace davit::sources {

// Compose's labels name files by absolute paths with commas between them. A comma within a path is told by what comes
// behind it, which begins no path. What isn't absolute ("-" for what was read from a pipe) stays a part of its own.
[[nodiscard]] inline std::vector<std::string> listed_paths(std::string_view list) {
  std::vector<std::string> paths;
  for (std::string& part : split(list, ',')) {
    const bool goes_on = !paths.empty() && paths.back().starts_with('/') && !part.starts_with('/') && part != "-";
    if (goes_on)
      paths.back() += "," + part;
    else
      paths.push_back(std::move(part));
  }
  return paths;
}

}  // namespace davit::sources
