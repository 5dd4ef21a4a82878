#pragma once
// Puts the program that runs into a directory, such as a volume: for containers whose image doesn't have it.

#include <string>

#include "util/error.hpp"

namespace davit::app {

struct Installed {
  std::string path;
  bool changed = false;  // false: it was there already
};

// `directory`/davit is this program after this, and `directory`/bak a link to it; the directory is made if only it is
// missing. What was there is replaced in one step: nobody ever starts half a file, and whoever runs the old one is not
// disturbed. Errc::exists if either name is a directory.
[[nodiscard]] Result<Installed> install_program(const std::string& directory);

}  // namespace davit::app
