#pragma once
// Goes over everything below a directory, each directory before what is in it, names in the order of their bytes.

#include <functional>
#include <string>

#include "helper/place/at.hpp"
#include "helper/place/path_selection.hpp"
#include "util/error.hpp"

namespace davit::helper {

// Restores keep their staging area in a directory of this prefix, at the top of the place.
inline constexpr std::string_view kAreaPrefix = ".davit-restore-";
// ext4 keeps this at the top of a file system for fsck: it belongs to the file system, not to the contents.
inline constexpr std::string_view kLostAndFound = "lost+found";

struct WalkEntry {
  int directory;  // what `name` lies in
  const std::string& name;
  const std::string& path;  // below the root, "a/b"
  std::size_t depth;        // 0: directly in the root
  Status status;
  bool mount_point;  // something else is mounted here; it is never entered
};

struct Walker {
  // Asked before anything is known but the name; without it nothing is skipped.
  std::function<bool(const std::string& path, std::size_t depth)> skip;
  // True: go into it (if it is a directory). An error ends the walk.
  std::function<Result<bool>(const WalkEntry&)> visit;
  // What could not be looked at or listed. `asked_for`: the name stands in the selection, and no directory was seen to
  // hold it.
  std::function<void(const std::string& path, int err, bool asked_for)> problem;
};

[[nodiscard]] Result<> walk(int root, const PathSelection& selection, const Walker& walker);

}  // namespace davit::helper
