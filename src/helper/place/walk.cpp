#include "helper/place/walk.hpp"

#include <cerrno>
#include <string_view>
#include <utility>

#include "helper/place/directory_chain.hpp"

namespace davit::helper {
namespace {

// A directory that the walk is in.
struct Frame {
  std::vector<std::string> names;
  std::size_t next = 0;
  const PathSelection* selection;
  std::size_t path_length;  // of the directory's own path
};

Frame open_frame(int directory, const PathSelection& selection, const std::string& path, const Walker& walker) {
  Frame frame{.names = {}, .selection = &selection, .path_length = path.size()};
  if (selection.everything()) {
    Listing listing = list_names(directory);
    if (listing.error != 0) walker.problem(path, listing.error, false);
    frame.names = std::move(listing.names);
  } else {
    for (const auto& [name, unused] : selection.below()) frame.names.push_back(name);
  }
  return frame;
}

}  // namespace

Result<> walk(int root, const PathSelection& selection, const Walker& walker) {
  const Sys<Status> root_status = status_of(root);
  if (!root_status) return fail_errno(root_status.error(), "look at the directory");
  DirectoryChain chain(root);
  std::string path;
  std::vector<Frame> frames;
  frames.push_back(open_frame(root, selection, path, walker));
  while (true) {
    Frame& frame = frames.back();
    if (frame.next == frame.names.size()) {
      frames.pop_back();
      if (frames.empty()) return {};
      chain.leave();
      continue;
    }
    const std::string& name = frame.names[frame.next++];
    path.resize(frame.path_length);
    if (!path.empty()) path += '/';
    path += name;
    const std::size_t depth = frames.size() - 1;
    if (walker.skip && walker.skip(path, depth)) continue;
    const Sys<int> directory = chain.fd();
    if (!directory) {
      // The directory moved away under the walk: what is left of it can't be reached any more.
      path.resize(frame.path_length);
      walker.problem(path, directory.error(), false);
      frame.next = frame.names.size();
      continue;
    }
    const Sys<Status> status = status_at(*directory, name);
    if (!status) {
      walker.problem(path, status.error(), !frame.selection->everything());
      continue;
    }
    const WalkEntry entry{.directory = *directory,
                          .name = name,
                          .path = path,
                          .depth = depth,
                          .status = *status,
                          .mount_point = on_other_mount(*root_status, *status)};
    TRY_ASSIGN(go_in, walker.visit(entry));
    const PathSelection& inner =
        frame.selection->everything() ? *frame.selection : frame.selection->below().find(name)->second;
    if (!status->is_directory()) {
      // What is selected below a file or a symlink is not there.
      if (!inner.everything()) walker.problem(path, ENOTDIR, true);
      continue;
    }
    if (!go_in || entry.mount_point) continue;
    if (const Sys<> entered = chain.enter(name); !entered) {
      walker.problem(path, entered.error(), false);
      continue;
    }
    const Sys<int> inside = chain.fd();
    if (!inside) return fail_errno(inside.error(), "read a directory");
    frames.push_back(open_frame(*inside, inner, path, walker));
  }
}

}  // namespace davit::helper
