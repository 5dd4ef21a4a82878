#include "helper/place/remove_tree.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "helper/place/directory_chain.hpp"
#include "util/text.hpp"

namespace davit::helper {
namespace {

struct Level {
  std::vector<std::string> names;
  std::size_t next = 0;
};

Result<> unlink_at(int directory, const std::string& name, int flags, const StepHook& hook) {
  TRY(before(hook, "remove " + name));
  if (::unlinkat(directory, name.c_str(), flags) != 0 && errno != ENOENT)
    return fail_errno(errno, "remove " + escape_for_display(name));
  return {};
}

}  // namespace

Result<> remove_tree(int directory, const std::string& name, const StepHook& hook) {
  const Sys<Status> root = status_of(directory);
  if (!root) return fail_errno(root.error(), "look at the directory");
  DirectoryChain chain(directory);
  std::vector<Level> levels{{.names = {name}}};
  while (true) {
    Level& level = levels.back();
    const Sys<int> at = chain.fd();
    if (!at) return fail_errno(at.error(), "remove " + escape_for_display(name));
    if (level.next == level.names.size()) {
      levels.pop_back();
      if (levels.empty()) return {};
      const std::string emptied = chain.name(chain.depth() - 1);
      chain.leave();
      const Sys<int> parent = chain.fd();
      if (!parent) return fail_errno(parent.error(), "remove " + escape_for_display(name));
      TRY(unlink_at(*parent, emptied, AT_REMOVEDIR, hook));
      continue;
    }
    const std::string next = level.names[level.next++];
    const Sys<Status> status = status_at(*at, next);
    if (!status) {
      if (status.error() == ENOENT) continue;
      return fail_errno(status.error(), "look at " + escape_for_display(next));
    }
    if (on_other_mount(*root, *status))
      return fail(Errc::failed, "remove " + escape_for_display(next) + ": something is mounted there",
                  "unmount it, then run again");
    if (!status->is_directory()) {
      TRY(unlink_at(*at, next, 0, hook));
      continue;
    }
    if (const Sys<> entered = chain.enter(next); !entered)
      return fail_errno(entered.error(), "open " + escape_for_display(next));
    const Sys<int> inside = chain.fd();
    if (!inside) return fail_errno(inside.error(), "open " + escape_for_display(next));
    Listing listing = list_names(*inside);
    if (listing.error != 0) return fail_errno(listing.error, "list " + escape_for_display(next));
    levels.push_back({.names = std::move(listing.names)});
  }
}

}  // namespace davit::helper
