#include "sources/files_plan.hpp"

#include <algorithm>

#include "sources/host_path.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

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
    for (FileGroup& group : groups_) {
      std::ranges::sort(group.requests, {}, &FileRequest::path);
      // What lies in a directory that is taken anyway would be in the archive twice.
      std::vector<FileRequest> kept;
      for (FileRequest& request : group.requests)
        if (std::ranges::none_of(
                kept, [&](const FileRequest& outer) { return path_below(request.path, outer.path).has_value(); }))
          kept.push_back(std::move(request));
      group.requests = std::move(kept);
    }
    std::erase_if(groups_, [](const FileGroup& group) { return group.requests.empty(); });
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
  std::vector<std::string> paths;
  for (const FileRequest& request : requests) paths.push_back(request.path);
  return paths;
}

Result<std::vector<FileGroup>> group_files(const Stack& stack, const FilesOptions& options) {
  Groups groups(stack);
  for (const std::string& path : stack.config_files) TRY(groups.add(path, ""));
  for (const std::string& path : stack.env_files) TRY(groups.add(path, ""));
  if (!stack.project_dir.empty()) TRY(groups.add(".env", ""));
  for (const Service& service : stack.services)
    for (const std::string& path : service.settings.files)
      TRY(groups.add(path, "label davit.files of service " + service.name));
  for (const std::string& path : options.paths) TRY(groups.add(path, "--files"));
  return groups.take();
}

Result<> add_group(Plan& plan, const FileGroup& group, const helper::Probe& seen, const Stack& stack,
                   stream::Codec codec) {
  std::vector<RecordedFile> files;
  std::string missing;
  for (const FileRequest& request : group.requests) {
    if (seen.exists && std::ranges::contains(seen.present, request.path)) {
      files.push_back({request.path, {}});
    } else if (!request.origin.empty()) {
      return fail(Errc::usage, "back up " + escape_for_display(normal_path(request.path, group.directory)) + " (" +
                                   request.origin + "): it does not exist on the Engine's host");
    } else {
      missing += (missing.empty() ? "" : ", ") + escape_for_display(request.path);
    }
  }
  const model::ItemId id{model::ItemKind::files, group.name};
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
