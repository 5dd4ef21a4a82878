#include "sources/volume_plan.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sources/assemble.hpp"
#include "sources/host_path.hpp"
#include "sources/path_need.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// Every service that uses it has `davit.enable=false` (and one does).
bool disabled_by_services(const Stack& stack, const std::vector<std::string>& services) {
  return !services.empty() && std::ranges::none_of(services, [&](const std::string& name) {
    const Service* service = stack.find_service(name);
    return service == nullptr || service->settings.enable;
  });
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// What of a place at `host_path` must never be packed: all of it, or some paths in it.
struct Skipped {
  bool whole = false;
  std::vector<std::string> paths;
};
Skipped skipped_in(std::string_view host_path, const VolumeOptions& options) {
  Skipped skipped;
  for (const std::string& path : options.skip_paths) {
    const std::string skip = normal_path(path);
    if (path_below(host_path, skip))
      skipped.whole = true;
    else if (const auto inside = path_below(skip, host_path))
      skipped.paths.push_back(*inside);
  }
  return skipped;
}

constexpr const char* kHoldsBackups = "holds backups of davit itself";

void add_unique(std::vector<std::string>& into, const std::string& value) {
  if (!std::ranges::contains(into, value)) into.push_back(value);
}

model::Artefact tar_artefact(std::string path, stream::Codec codec) {
  model::Artefact artefact;
  artefact.path = std::move(path) + ".tar" + std::string(file_suffix(codec));
  artefact.content = model::Content::tar;
  artefact.codec = codec;
  return artefact;
}

// Why a volume is left out; nothing if it isn't.
std::optional<std::string> why_not(const Volume& volume, const std::vector<std::string>& services, const Stack& stack) {
  if (is_anonymous(volume.info)) {
    std::string where;
    for (const Service& service : stack.services)
      for (const engine::ContainerInfo& container : service.containers)
        for (const engine::Mount& mount : container.mounts)
          if (mount.name == volume.info.name) where = " of service " + service.name + " at " + mount.destination;
    return "an anonymous volume" + where +
           ": Compose makes it anew under another name; name it in the compose file to have it "
           "backed up";
  }
  if (const auto type = volume.info.options.find("type");
      volume.info.driver == "local" && type != volume.info.options.end() && type->second == "tmpfs")
    return "kept in memory (driver_opts type tmpfs): the Engine forgets it with its last container";
  if (!volume.settings.enable) return "label davit.enable=false of the volume";
  if (disabled_by_services(stack, services)) return "label davit.enable=false of " + listed(services);
  return {};
}

// The binds of a stack by their normal host path, with the services that have them.
std::map<std::string, std::vector<std::string>> binds_of(const Stack& stack) {
  std::map<std::string, std::vector<std::string>> binds;
  for (const Service& service : stack.services)
    for (const engine::ContainerInfo& container : service.containers)
      for (const engine::Mount& mount : container.mounts)
        if (mount.type == "bind" && mount.source.starts_with('/'))
          add_unique(binds[normal_path(mount.source)], service.name);
  return binds;
}

template <class Uses>
std::vector<const engine::ContainerInfo*> users(const Running& running, Uses uses) {
  std::vector<const engine::ContainerInfo*> found;
  for (const engine::ContainerInfo& container : running)
    if (std::ranges::any_of(container.mounts, uses)) found.push_back(&container);
  return found;
}

}  // namespace

std::string mountpoint_of(const engine::VolumeInfo& volume) {
  const auto raw = nlohmann::json::parse(volume.raw, nullptr, false);
  if (!raw.is_object()) return {};
  const auto found = raw.find("Mountpoint");
  return found != raw.end() && found->is_string() ? normal_path(found->get<std::string>()) : std::string();
}

std::vector<const engine::ContainerInfo*> users_of_volume(const Running& running, std::string_view name, bool writers) {
  return users(running, [&](const engine::Mount& mount) {
    return mount.type == "volume" && mount.name == name && (mount.writable || !writers);
  });
}

std::vector<const engine::ContainerInfo*> users_of_path(const Running& running, std::string_view path,
                                                        std::string_view project, bool writers) {
  return users(running, [&](const engine::Mount& mount) {
    const std::string source = normal_path(mount.source);
    return mount.type == "bind" && (mount.writable || !writers) &&
           (path_below(source, path) || (path_below(path, source) && path_below(source, project)));
  });
}

void add_volumes(Plan& plan, Excludes& excludes, const Stack& stack, const Running& running,
                 const VolumeOptions& options, stream::Codec codec) {
  for (const Volume& volume : stack.volumes) {
    const std::string& name = volume.info.name;
    std::vector<std::string> services = stack.users_of(name);
    // An anonymous volume's name tells nobody anything in full.
    const model::ItemId id{model::ItemKind::volume, is_anonymous(volume.info) ? name.substr(0, 12) : volume.key};
    if (const auto why = why_not(volume, services, stack)) {
      plan.not_covered.push_back({id.text(), *why});
      continue;
    }
    const std::string mountpoint = mountpoint_of(volume.info);
    Skipped skipped = mountpoint.empty() ? Skipped{} : skipped_in(mountpoint, options);
    if (skipped.whole || std::ranges::contains(skipped.paths, ".")) {
      plan.not_covered.push_back({id.text(), kHoldsBackups});
      continue;
    }
    model::Item item;
    item.id = id;
    item.services = std::move(services);
    item.consistency =
        users_of_volume(running, name, true).empty() ? model::Consistency::stopped : model::Consistency::live;
    item.attributes["volume"] = name;
    item.attributes["driver"] = volume.info.driver;
    // Values may be a password of a share: they stand in the stack's artefact only.
    if (!volume.info.options.empty()) item.attributes["options"] = std::to_string(volume.info.options.size());
    for (const auto& [label, value] : volume.info.labels) item.attributes["label." + label] = value;
    item.artefacts.push_back(tar_artefact("volumes/" + artefact_name(volume.key), codec));
    std::vector<std::string>& left_out = excludes[id];
    left_out = volume.settings.exclude;
    for (const std::string& pattern : left_out)
      plan.not_covered.push_back({id.text(), "of it: " + pattern + " (label davit.exclude)"});
    for (std::string& path : skipped.paths) {
      plan.not_covered.push_back({id.text(), "of it: " + path + ", which " + kHoldsBackups});
      left_out.push_back(std::move(path));
    }
    plan.items.push_back(std::move(item));
  }
}

std::vector<BindCandidate> bind_candidates(Plan& plan, const Stack& stack, const VolumeOptions& options) {
  std::vector<BindCandidate> candidates;
  const std::string project = stack.project_dir.empty() ? std::string() : normal_path(stack.project_dir);
  for (auto& [path, services] : binds_of(stack)) {
    const auto relative = project.empty() ? std::nullopt : path_below(path, project);
    const std::string what = "bind:" + relative.value_or(path);
    if (path.ends_with(".sock")) {
      plan.not_covered.push_back({what, "a socket"});
    } else if (Skipped skipped = skipped_in(path, options); skipped.whole) {
      plan.not_covered.push_back({what, kHoldsBackups});
    } else if (!relative) {
      const std::string why =
          project.empty() ? "no container tells the project's directory" : "outside the project's directory " + project;
      plan.not_covered.push_back({what, why});
      plan.needs.push_back(path_need(path, "bind mount of " + listed(services)));
    } else if (disabled_by_services(stack, services)) {
      plan.not_covered.push_back({what, "label davit.enable=false of " + listed(services)});
    } else {
      BindCandidate candidate{*relative, path, std::move(services), std::move(skipped.paths)};
      for (const std::string& name : candidate.services)
        for (const std::string& pattern : stack.find_service(name)->settings.exclude)
          add_unique(candidate.exclude, pattern);
      // What lies in another one is packed with that. Paths come sorted by bytes, which puts "a-b" between "a" and
      // "a/b".
      const auto outer = std::ranges::find_if(
          candidates, [&](const BindCandidate& other) { return path_below(path, other.host_path).has_value(); });
      if (outer == candidates.end())
        candidates.push_back(std::move(candidate));
      else
        for (const std::string& name : candidate.services) add_unique(outer->services, name);
    }
  }
  return candidates;
}

std::vector<std::string> disabled_binds(const Stack& stack) {
  std::vector<std::string> paths;
  const std::string project = stack.project_dir.empty() ? std::string() : normal_path(stack.project_dir);
  if (project.empty()) return paths;
  for (const auto& [path, services] : binds_of(stack))
    if (const auto relative = path_below(path, project); relative && disabled_by_services(stack, services))
      paths.push_back(*relative);
  return paths;
}

void add_disabled_files(Plan& plan, const Stack& stack, const std::vector<std::string>& disabled,
                        const helper::Probe& seen) {
  for (const std::string& path : disabled)
    if (std::ranges::contains(seen.present, path) && !std::ranges::contains(seen.directories, path))
      plan.needs.push_back(path_need(normal_path(path, stack.project_dir), "a file that isn't backed up"));
}

void add_binds(Plan& plan, Excludes& excludes, std::vector<BindCandidate> candidates, const helper::Probe& seen,
               const Running& running, stream::Codec codec) {
  for (BindCandidate& candidate : candidates) {
    const model::ItemId id{model::ItemKind::bind, candidate.path};
    if (!seen.exists || (candidate.path != "." && !std::ranges::contains(seen.present, candidate.path))) {
      plan.not_covered.push_back({id.text(), "there is nothing at " + candidate.host_path + " on the Engine's host"});
      continue;
    }
    if (std::ranges::contains(seen.links, candidate.path)) {
      plan.not_covered.push_back({id.text(), "a symbolic link: name what it points to in the compose file"});
      plan.needs.push_back(path_need(candidate.host_path, "a symbolic link"));
      continue;
    }
    // A single file goes with the project's files: see files_plan.hpp.
    if (candidate.path != "." && !std::ranges::contains(seen.directories, candidate.path)) continue;
    model::Item item;
    item.id = id;
    // Here whoever may write counts, wherever it is mounted.
    item.consistency = users_of_path(running, candidate.host_path, "/", true).empty() ? model::Consistency::stopped
                                                                                      : model::Consistency::live;
    item.services = std::move(candidate.services);
    std::ranges::sort(item.services);
    item.attributes["path"] = candidate.host_path;
    item.artefacts.push_back(tar_artefact("volumes/bind/" + artefact_name(candidate.path), codec));
    for (const std::string& pattern : candidate.exclude) plan.not_covered.push_back({id.text(), "of it: " + pattern});
    excludes[id] = std::move(candidate.exclude);
    plan.items.push_back(std::move(item));
  }
}

}  // namespace davit::sources
