#include "helper/place/directory_chain.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace davit::helper {

Sys<int> DirectoryChain::fd() {
  if (levels_.empty()) return root_;
  if (levels_.back().fd) return levels_.back().fd.get();
  UniqueFd above;
  int at = root_;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    Sys<UniqueFd> opened = open_directory_at(at, levels_[i].name);
    if (!opened) return std::unexpected(opened.error());
    struct stat status{};
    if (::fstat(opened->get(), &status) != 0) return std::unexpected(errno);
    if (status.st_dev != levels_[i].device || status.st_ino != levels_[i].inode) return std::unexpected(ESTALE);
    at = opened->get();
    // The nearest ones stay open, so that the way up is not walked again for every level.
    if (i + kMostOpen / 2 >= levels_.size()) {
      levels_[i].fd = std::move(*opened);
      above.reset();
    } else {
      above = std::move(*opened);
    }
  }
  return at;
}

Sys<> DirectoryChain::enter(const std::string& name) {
  const Sys<int> at = fd();
  if (!at) return std::unexpected(at.error());
  Sys<UniqueFd> opened = open_directory_at(*at, name);
  if (!opened) return std::unexpected(opened.error());
  struct stat status{};
  if (::fstat(opened->get(), &status) != 0) return std::unexpected(errno);
  levels_.push_back({name, status.st_dev, status.st_ino, std::move(*opened)});
  if (levels_.size() > kMostOpen) levels_[levels_.size() - kMostOpen - 1].fd.reset();
  return {};
}

Sys<> DirectoryChain::go_to(const std::vector<std::string>& components) {
  std::size_t shared = 0;
  while (shared < depth() && shared < components.size() && name(shared) == components[shared]) ++shared;
  while (depth() > shared) leave();
  for (; shared < components.size(); ++shared) {
    const Sys<> entered = enter(components[shared]);
    if (!entered) return entered;
  }
  return {};
}

}  // namespace davit::helper
