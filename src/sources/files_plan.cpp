#include "sources/files_plan.hpp"

#include <algorithm>
#include <ranges>

#include "sources/host_path.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

void tidy(std::vector<FileGroup>& groups) {
  for (FileGroup& group : groups) std::ranges::sort(group.requests, {}, &FileRequest::path);
  std::erase_if(groups, [](const FileGroup& group) { return group.requests.empty(); });
}

class Groups {
 public:
  explicit Groups(const Stack& stack) : project_(stack.project_dir.empty() ? "" : normal_path(stack.project_dir)) {
    if (!project_.empty()) groups_.push_back({"project", project_, {}});
  }

  Result<> add(const std::string& path, const std::string& origin) {
    if (!path.starts_with('/') && project_.empty())
      return fail(
          Errc::usage,
          "back up " + escape_for_display(path) + " (" + origin + "): no container tells the project's directory",
          "name the file by its absolute path");
    const std::string absolute = normal_path(path, project_);
    // What a scan of a compose file takes for a file need not be one.
    if (origin.empty() && (absolute == "/" || absolute == project_)) return {};
    if (absolute == "/") return fail(Errc::usage, "back up / (" + origin + "): it is no file of a project");
    const auto inside = project_.empty() ? std::nullopt : path_below(absolute, project_);
    // The project's directory as a whole is a member of the one above it, as any other directory.
    const bool of_project = inside && *inside != ".";
    FileGroup& group = of_project ? groups_.front() : group_of(parent_of(absolute));
    const FileRequest request{of_project ? *inside : last_part(absolute), origin};
    const auto known = std::ranges::find(group.requests, request.path, &FileRequest::path);
    if (known == group.requests.end())
      group.requests.push_back(request);
    else if (known->origin.empty())
      known->origin = origin;
    return {};
  }

  std::vector<FileGroup> take() {
    // What lies in a directory that is taken anyway would be restored twice.
    std::vector<std::string> all;
    for (const FileGroup& group : groups_)
      for (const FileRequest& request : group.requests) all.push_back(normal_path(request.path, group.directory));
    for (FileGroup& group : groups_)
      std::erase_if(group.requests, [&](const FileRequest& request) {
        const std::string path = normal_path(request.path, group.directory);
        return std::ranges::any_of(all,
                                   [&](const std::string& outer) { return path != outer && path_below(path, outer); });
      });
    tidy(groups_);
    return std::move(groups_);
  }

 private:
  FileGroup& group_of(const std::string& directory) {
    const auto found = std::ranges::find_if(
        groups_, [&](const FileGroup& group) { return group.directory == directory && group.name != "project"; });
    if (found != groups_.end()) return *found;
    return groups_.emplace_back(directory, directory, std::vector<FileRequest>());
  }

  std::string project_;
  std::vector<FileGroup> groups_;
};

}  // namespace

std::vector<std::string> FileGroup::paths() const {
  return requests | std::views::transform(&FileRequest::path) | std::ranges::to<std::vector>();
}

Result<std::vector<FileGroup>> group_files(const Stack& stack, const FilesOptions& options,
                                           const std::vector<std::string>& named) {
  Groups groups(stack);
  for (const std::string& path : stack.config_files) TRY(groups.add(path, ""));
  for (const std::string& path : stack.env_files) TRY(groups.add(path, ""));
  if (!stack.project_dir.empty()) TRY(groups.add(".env", ""));
  // A file that is named by its path on the host belongs to the host, unless it is the project's.
  for (const std::string& path : named)
    if (!stack.project_dir.empty() &&
        (!path.starts_with('/') || path_below(normal_path(path), normal_path(stack.project_dir))))
      TRY(groups.add(path, ""));
  for (const Service& service : stack.services)
    for (const std::string& path : service.settings.files)
      TRY(groups.add(path, "label davit.files of service " + service.name));
  for (const std::string& path : options.paths) TRY(groups.add(path, "--files"));
  return groups.take();
}

void sort_out_binds(std::vector<FileGroup>& groups, Plan& plan, const std::vector<BindCandidate>& binds,
                    const helper::Probe& seen) {
  for (const BindCandidate& bind : binds) {
    const auto holds = [&](const FileGroup& group) {
      return std::ranges::any_of(group.requests, [&](const FileRequest& request) {
        const std::string path = normal_path(request.path, group.directory);
        return path != bind.host_path && path_below(bind.host_path, path);
      });
    };
    if (const auto outer = std::ranges::find_if(groups, holds); outer != groups.end()) {
      plan.covered_volumes.emplace(bind.host_path, outer->id());
      continue;
    }
    if (bind.path == "." || std::ranges::contains(seen.directories, bind.path)) {
      for (FileGroup& group : groups) {
        const std::size_t removed = std::erase_if(group.requests, [&](const FileRequest& request) {
          return path_below(normal_path(request.path, group.directory), bind.host_path).has_value();
        });
        if (removed > 0 && group.requests.empty())
          plan.not_covered.push_back({group.id().text(), "it is part of bind:" + bind.path});
      }
    } else if (std::ranges::contains(seen.present, bind.path) && !std::ranges::contains(seen.links, bind.path)) {
      const auto project = std::ranges::find(groups, "project", &FileGroup::name);
      if (project != groups.end() && !std::ranges::contains(project->requests, bind.path, &FileRequest::path))
        project->requests.push_back({bind.path, ""});
    }
  }
  tidy(groups);
}

Result<> add_group(Plan& plan, const FileGroup& group, const helper::Probe& seen, const Stack& stack,
                   stream::Codec codec) {
  std::vector<RecordedFile> files;
  std::string missing;
  for (const FileRequest& request : group.requests) {
    // Directories are taken only where somebody asked for them.
    if (request.origin.empty() && std::ranges::contains(seen.directories, request.path)) continue;
    if (seen.exists && std::ranges::contains(seen.present, request.path)) {
      files.push_back({request.path, {}});
    } else if (!request.origin.empty()) {
      return fail(Errc::usage, "back up " + escape_for_display(normal_path(request.path, group.directory)) + " (" +
                                   request.origin + "): it does not exist on the Engine's host");
    } else {
      missing += (missing.empty() ? "" : ", ") + escape_for_display(request.path);
    }
  }
  const model::ItemId id = group.id();
  if (files.empty()) {
    plan.not_covered.push_back(
        {id.text(), "none of " + missing + " is in " + group.directory + " on the Engine's host"});
    return {};
  }
  model::Item item;
  item.id = id;
  for (const Service& service : stack.services) item.services.push_back(service.name);
  item.attributes["path"] = group.directory;
  model::Artefact artefact;
  artefact.path = "config/" + artefact_name(group.name) + ".tar" + std::string(file_suffix(codec));
  artefact.codec = codec;
  record_files(artefact, files);
  item.artefacts.push_back(std::move(artefact));
  plan.items.push_back(std::move(item));
  return {};
}

void record_files(model::Artefact& artefact, const std::vector<RecordedFile>& files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    artefact.attributes["path." + std::to_string(i)] = files[i].path;
    if (!files[i].digest.empty()) artefact.attributes["digest." + std::to_string(i)] = files[i].digest;
  }
}

Result<std::vector<RecordedFile>> recorded_files(const model::Artefact& artefact) {
  std::vector<RecordedFile> files;
  for (std::size_t i = 0;; ++i) {
    const auto path = artefact.attributes.find("path." + std::to_string(i));
    if (path == artefact.attributes.end()) break;
    if ("/" + path->second != normal_path(path->second) || path->second.empty())
      return fail(Errc::corrupt,
                  "the manifest names the path \"" + escape_for_display(path->second) + "\" in " + artefact.path);
    const auto digest = artefact.attributes.find("digest." + std::to_string(i));
    files.push_back({path->second, digest == artefact.attributes.end() ? std::string() : digest->second});
  }
  if (files.empty()) return fail(Errc::corrupt, "the manifest names no files in " + artefact.path);
  return files;
}

}  // namespace davit::sources
