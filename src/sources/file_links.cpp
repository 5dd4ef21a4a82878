#include "sources/file_links.hpp"

#include <algorithm>

#include "sources/contents_digest.hpp"
#include "sources/host_path.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// Whether something is backed up that holds `target`.
bool is_taken(const std::string& target, const std::vector<FileGroup>& groups, std::size_t which,
              const helper::Probe& seen, const std::vector<BindCandidate>& binds) {
  for (const BindCandidate& bind : binds)
    if (path_below(target, bind.host_path)) return true;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (const FileRequest& request : groups[i].requests) {
      const std::string path = normal_path(request.path, groups[i].directory);
      // Directories are taken only where somebody asked for them.
      const bool passed_over =
          request.origin.empty() && i == which && std::ranges::contains(seen.directories, request.path);
      if (path == target && !passed_over) return true;
      if (!request.origin.empty() && path_below(target, path)) return true;
    }
  }
  return false;
}

}  // namespace

Result<LinkTargets> link_targets(helper::Session& session, const std::string& directory,
                                 const std::vector<std::string>& links) {
  LinkTargets targets;
  if (links.empty()) return targets;
  TRY_ASSIGN(held, read_links(session, links));
  for (const auto& [path, target] : held) targets[path] = normal_path(target, parent_of(normal_path(path, directory)));
  return targets;
}

bool add_link_targets(std::vector<FileGroup>& groups, std::size_t which, const helper::Probe& seen,
                      const LinkTargets& targets, const std::vector<BindCandidate>& binds) {
  bool added = false;
  FileGroup& group = groups[which];
  for (const auto& [path, target] : targets) {
    if (!std::ranges::contains(group.requests, path, &FileRequest::path)) continue;
    if (is_taken(target, groups, which, seen, binds)) continue;
    const auto inside = path_below(target, group.directory);
    if (!inside || *inside == "." || std::ranges::contains(group.requests, *inside, &FileRequest::path)) continue;
    group.requests.push_back({*inside, ""});
    added = true;
  }
  if (added) std::ranges::sort(group.requests, {}, &FileRequest::path);
  return added;
}

Result<> report_links(Plan& plan, const std::vector<FileGroup>& groups, std::size_t which, const helper::Probe& seen,
                      const LinkTargets& targets, const std::vector<BindCandidate>& binds) {
  const FileGroup& group = groups[which];
  for (const auto& [path, target] : targets) {
    const auto request = std::ranges::find(group.requests, path, &FileRequest::path);
    if (request == group.requests.end() || is_taken(target, groups, which, seen, binds)) continue;
    const std::string leads = "a symbolic link to " + escape_for_display(target);
    if (!request->origin.empty())
      return fail(Errc::usage,
                  "back up " + escape_for_display(normal_path(path, group.directory)) + " (" + request->origin +
                      "): it is " + leads + ", which is not backed up",
                  "name what it leads to as well");
    plan.not_covered.push_back({group.id().text(), escape_for_display(path) + " is " + leads +
                                                       ", which is not backed up; name that in the label davit.files, "
                                                       "or by --files"});
  }
  return {};
}

}  // namespace davit::sources
