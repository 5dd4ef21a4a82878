#pragma once
// Mount points inside a place: what lies there is not the place's, and a rename would carry it along.

#include <string>
#include <vector>

#include "util/error.hpp"

namespace davit::helper {

// Paths below the directory, as this process sees mounts.
[[nodiscard]] Result<std::vector<std::string>> mount_points_below(int directory);
// The same from the text of a mountinfo file, for a directory at an absolute path.
[[nodiscard]] std::vector<std::string> mount_points_in(const std::string& mountinfo, std::string directory);

}  // namespace davit::helper
