#include "sources/assemble.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "sources/compose_labels.hpp"
#include "sources/listed_paths.hpp"

namespace davit::sources {
namespace {

int number_of(const engine::ContainerInfo& container) {
  const std::string_view text = compose::label(container.labels, compose::kNumber);
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void add_paths(std::vector<std::string>& into, std::string_view list) {
  for (std::string& path : listed_paths(list))
    if (path.starts_with('/') && !std::ranges::contains(into, path)) into.push_back(std::move(path));
}

Result<Settings> settings_of(const engine::Labels& labels, LabelOwner owner, std::string_view name,
                             LabelErrors errors) {
  auto settings = parse_labels(labels, owner, name);
  if (!settings && errors == LabelErrors::ignore) return Settings{};
  return settings;
}

Result<> add_services(Stack& stack, std::vector<engine::ContainerInfo> containers, LabelErrors errors) {
  // A compose file that only `docker compose run` was given, such as davit's own beside the stack's, is of the project
  // too.
  std::vector<std::string> of_runs;
  for (const engine::ContainerInfo& container : containers)
    if (compose::label(container.labels, compose::kOneOff) == "True")
      add_paths(of_runs, compose::label(container.labels, compose::kConfigFiles));
  std::erase_if(containers, [](const engine::ContainerInfo& container) {
    return compose::label(container.labels, compose::kOneOff) == "True" ||
           compose::label(container.labels, compose::kService).empty();
  });
  std::ranges::stable_sort(containers, {}, [](const engine::ContainerInfo& container) {
    return std::pair(compose::label(container.labels, compose::kService), number_of(container));
  });
  for (engine::ContainerInfo& container : containers) {
    if (stack.project_dir.empty()) stack.project_dir = compose::label(container.labels, compose::kWorkingDir);
    add_paths(stack.config_files, compose::label(container.labels, compose::kConfigFiles));
    add_paths(stack.env_files, compose::label(container.labels, compose::kEnvFiles));
    const std::string service(compose::label(container.labels, compose::kService));
    if (stack.services.empty() || stack.services.back().name != service) {
      TRY_ASSIGN(settings, settings_of(container.labels, LabelOwner::service, service, errors));
      stack.services.push_back({service, {}, std::move(settings)});
    }
    stack.services.back().containers.push_back(std::move(container));
  }
  for (std::string& path : of_runs)
    if (!std::ranges::contains(stack.config_files, path)) stack.config_files.push_back(std::move(path));
  return {};
}

Result<> add_volumes(Stack& stack, std::vector<engine::VolumeInfo> volumes, LabelErrors errors) {
  const auto key_of = [&](const engine::VolumeInfo& volume) {
    return compose::label(volume.labels, compose::kProject) == stack.name
               ? compose::label(volume.labels, compose::kVolume)
               : std::string_view();
  };
  // Two volumes may claim one key: a volume of before it got another `name:` in the compose file, or an external one
  // whose name is the key of another. The key goes to the one of the project that is in use.
  std::ranges::sort(volumes, {}, [&](const engine::VolumeInfo& volume) {
    return std::tuple(key_of(volume).empty(), stack.users_of(volume.name).empty(), volume.name);
  });
  for (engine::VolumeInfo& volume : volumes) {
    std::string key(key_of(volume));
    const auto taken = [&] { return key.empty() || std::ranges::contains(stack.volumes, key, &Volume::key); };
    if (taken()) key = volume.name;
    if (taken()) key = "engine/" + volume.name;  // no key of Compose and no name of the Engine has a slash
    TRY_ASSIGN(settings, settings_of(volume.labels, LabelOwner::volume, key, errors));
    stack.volumes.push_back({std::move(key), std::move(volume), std::move(settings)});
  }
  std::ranges::sort(stack.volumes, {}, &Volume::key);
  return {};
}

}  // namespace

bool is_anonymous(std::string_view engine_name) {
  return engine_name.size() == 64 && engine_name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool is_anonymous(const engine::VolumeInfo& volume) {
  return is_anonymous(std::string_view(volume.name)) && compose::label(volume.labels, compose::kVolume).empty();
}

const engine::ImageInfo* image_of(const engine::ContainerInfo& container,
                                  const std::vector<engine::ImageInfo>& images) {
  // A tag may have moved since the container was made: the id comes first.
  if (const auto found = std::ranges::find(images, container.image_id, &engine::ImageInfo::id); found != images.end())
    return &*found;
  const auto found = std::ranges::find_if(
      images, [&](const engine::ImageInfo& image) { return std::ranges::contains(image.repo_tags, container.image); });
  return found == images.end() ? nullptr : &*found;
}

Result<Stack> assemble(std::string name, StackParts parts, LabelErrors errors) {
  Stack stack;
  stack.name = std::move(name);
  TRY(add_services(stack, std::move(parts.containers), errors));
  TRY(add_volumes(stack, std::move(parts.volumes), errors));
  stack.networks = std::move(parts.networks);
  std::ranges::sort(stack.networks, {}, &engine::NetworkInfo::name);
  for (const Service& service : stack.services)
    for (const engine::ContainerInfo& container : service.containers)
      if (const engine::ImageInfo* image = image_of(container, parts.images))
        stack.images.try_emplace(container.image, *image);
  return stack;
}

}  // namespace davit::sources
