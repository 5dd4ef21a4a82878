#pragma once
// Where a walk stands: a root directory and the directories entered below it, one name at a time, never through a
// symlink. Any depth costs a bounded number of descriptors: directories far above are closed, and opened again from the
// root when the walk comes back to them.

#include <cstddef>
#include <string>
#include <vector>

#include "helper/place/at.hpp"

namespace davit::helper {

class DirectoryChain {
 public:
  // REQUIRES: `root` stays open as long as the chain lives.
  explicit DirectoryChain(int root) : root_(root) {}

  [[nodiscard]] std::size_t depth() const { return levels_.size(); }
  [[nodiscard]] const std::string& name(std::size_t level) const { return levels_[level].name; }
  // The directory it stands in; valid until the next enter() or leave(). ESTALE if another directory has its name by
  // now.
  [[nodiscard]] Sys<int> fd();
  // On an error it stands where it stood.
  [[nodiscard]] Sys<> enter(const std::string& name);
  // REQUIRES: depth() > 0.
  void leave() { levels_.pop_back(); }
  // Enters the last of `components` from the root, by way of what it shares with where it stands.
  [[nodiscard]] Sys<> go_to(const std::vector<std::string>& components);

 private:
  static constexpr std::size_t kMostOpen = 32;
  struct Level {
    std::string name;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    UniqueFd fd;  // empty: closed meanwhile
  };

  int root_;
  std::vector<Level> levels_;
};

}  // namespace davit::helper
