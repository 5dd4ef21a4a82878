// probe_place: what a plan has to know about a place before anything is touched.

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "helper/place/directory_chain.hpp"
#include "helper/place/place.hpp"
#include "helper/place/walk.hpp"

namespace davit::helper {
namespace {

Result<> find_leftovers(int directory, Probe& probe) {
  const Listing listing = list_names(directory);
  if (listing.error != 0) return fail_errno(listing.error, "list the directory");
  for (const std::string& name : listing.names) {
    if (!name.starts_with(kAreaPrefix)) continue;
    if (const Sys<Status> status = status_at(directory, name); status && status->is_directory())
      probe.leftovers.push_back(name.substr(kAreaPrefix.size()));
  }
  return {};
}

Result<> look_for(int directory, const std::vector<std::string>& paths, Probe& probe) {
  DirectoryChain chain(directory);
  for (const std::string& path : paths) {
    TRY_ASSIGN(components, split_relative(path));
    if (components.empty()) {
      probe.present.push_back(path);
      probe.directories.push_back(path);
      continue;
    }
    const std::string name = components.back();
    components.pop_back();
    const auto absent = [](int err) { return err == ENOENT || err == ENOTDIR || err == ELOOP; };
    if (const Sys<> there = chain.go_to(components); !there) {
      if (absent(there.error())) continue;
      return fail_errno(there.error(), "look for " + path);
    }
    const Sys<int> parent = chain.fd();
    const Sys<Status> status = parent ? status_at(*parent, name) : std::unexpected(parent.error());
    if (!status) {
      if (absent(status.error())) continue;
      return fail_errno(status.error(), "look for " + path);
    }
    probe.present.push_back(path);
    if (status->is_directory()) probe.directories.push_back(path);
    if (status->is_symlink()) probe.links.push_back(path);
  }
  return {};
}

}  // namespace

Result<Probe> probe_place(int directory, const std::vector<std::string>& paths, std::optional<DirectoryId> repository) {
  Probe probe;
  struct statvfs space{};
  if (::fstatvfs(directory, &space) != 0) return fail_errno(errno, "ask for free space");
  probe.free_bytes = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;

  TRY(find_leftovers(directory, probe));
  const Sys<Status> root = status_of(directory);
  if (!root) return fail_errno(root.error(), "look at the directory");
  probe.holds_repository = repository && repository == root->identity();

  TRY_ASSIGN(selection, PathSelection::of(paths));
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  const Walker walker{
      .skip = {},
      .visit = [&](const WalkEntry& found) -> Result<bool> {
        const Status& status = found.status;
        if (found.depth == 0 && status.is_directory()) {
          if (found.name.starts_with(kAreaPrefix)) return false;
          if (found.name == kLostAndFound) return true;
        }
        if (!selection.everything()) {
          TRY_ASSIGN(components, split_relative(found.path));
          if (selection.relation(components) != PathSelection::Relation::inside) return true;
        }
        ++probe.entries;
        if (repository && repository == status.identity()) probe.holds_repository = true;
        // Holes are neither read nor stored.
        if (status.is_file() && (status.links < 2 || seen.emplace(status.device, status.inode).second))
          probe.used_bytes += std::min(status.size, status.blocks * 512);
        return true;
      },
      .problem = [](const std::string&, int, bool) {},  // an estimate goes on; pack_place will say what it can't read
  };
  TRY(walk(directory, selection, walker));
  probe.empty = probe.entries == 0;
  TRY(look_for(directory, paths, probe));
  return probe;
}

}  // namespace davit::helper
