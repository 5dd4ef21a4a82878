#include "sources/stack.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "sources/assemble.hpp"
#include "sources/compose_labels.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

std::string project_filter(const std::string& name) { return std::string(compose::kProject) + "=" + name; }

// Something may vanish between the list and the look at it: then it isn't there, and that is all.
template <class T>
Result<> add_if_there(std::vector<T>& into, Result<T> found) {
  if (found) {
    into.push_back(*std::move(found));
    return {};
  }
  if (found.error().code() == Errc::not_found) return {};
  return std::unexpected(std::move(found).error());
}

// The networks a container is attached to. Those that every Engine has are nobody's to record.
std::vector<std::string> networks_of(const engine::ContainerInfo& container) {
  std::vector<std::string> names;
  const auto raw = nlohmann::json::parse(container.raw, nullptr, false);
  const auto pointer = "/NetworkSettings/Networks"_json_pointer;
  if (!raw.is_object() || !raw.contains(pointer) || !raw[pointer].is_object()) return names;
  for (const auto& [name, endpoint] : raw[pointer].items())
    if (name != "bridge" && name != "host" && name != "none") names.push_back(name);
  return names;
}

Result<> add_mounted_volumes(engine::Engine& engine, StackParts& parts) {
  std::set<std::string> known;
  for (const engine::VolumeInfo& volume : parts.volumes) known.insert(volume.name);
  for (const engine::ContainerInfo& container : parts.containers)
    for (const engine::Mount& mount : container.mounts)
      if (mount.type == "volume" && known.insert(mount.name).second)
        TRY(add_if_there(parts.volumes, engine.inspect_volume(mount.name)));
  return {};
}

Result<> add_attached_networks(engine::Engine& engine, StackParts& parts) {
  std::set<std::string> known;
  for (const engine::NetworkInfo& network : parts.networks) known.insert(network.name);
  for (const engine::ContainerInfo& container : parts.containers)
    for (const std::string& name : networks_of(container))
      if (known.insert(name).second) TRY(add_if_there(parts.networks, engine.inspect_network(name)));
  return {};
}

Result<> add_images(engine::Engine& engine, StackParts& parts) {
  std::set<std::string> known;
  for (const engine::ContainerInfo& container : parts.containers) {
    if (!known.insert(container.image_id).second) continue;
    const std::size_t before = parts.images.size();
    TRY(add_if_there(parts.images, engine.inspect_image(container.image_id)));
    if (parts.images.size() == before) TRY(add_if_there(parts.images, engine.inspect_image(container.image)));
  }
  return {};
}

Result<Stack> no_such_stack(engine::Engine& engine, const std::string& name) {
  const std::string message = "no stack named \"" + escape_for_display(name) + "\" on this Engine";
  TRY_ASSIGN(stacks, list_stacks(engine));
  if (stacks.empty()) return fail(Errc::not_found, message, "there are no stacks: Compose has made none here");
  std::string names;
  for (const StackSummary& stack : stacks) names += (names.empty() ? "" : ", ") + escape_for_display(stack.name);
  return fail(Errc::not_found, message, "there are: " + names);
}

}  // namespace

const engine::ContainerInfo* Service::running_container() const {
  const auto found = std::ranges::find_if(containers, [](const auto& container) { return container.state.running; });
  return found == containers.end() ? nullptr : &*found;
}

const Service* Stack::find_service(std::string_view service) const {
  const auto found = std::ranges::find(services, service, &Service::name);
  return found == services.end() ? nullptr : &*found;
}

const Volume* Stack::find_volume(std::string_view engine_name) const {
  const auto found =
      std::ranges::find_if(volumes, [&](const Volume& volume) { return volume.info.name == engine_name; });
  return found == volumes.end() ? nullptr : &*found;
}

std::vector<std::string> Stack::users_of(std::string_view engine_name, bool writers) const {
  const auto mounts_it = [&](const engine::ContainerInfo& container) {
    return std::ranges::any_of(container.mounts, [&](const engine::Mount& mount) {
      return mount.type == "volume" && mount.name == engine_name && (mount.writable || !writers);
    });
  };
  std::vector<std::string> users;
  for (const Service& service : services)
    if (std::ranges::any_of(service.containers, mounts_it)) users.push_back(service.name);
  return users;
}

Result<std::vector<StackSummary>> list_stacks(engine::Engine& engine) {
  std::map<std::string, int> running;
  TRY_ASSIGN(containers, in_context(engine.list_containers({.labels = {std::string(compose::kProject)}, .names = {}}),
                                    "list the stacks"));
  for (const engine::ContainerSummary& container : containers) {
    int& count = running[std::string(compose::label(container.labels, compose::kProject))];
    if (container.state == "running" || container.state == "paused" || container.state == "restarting") ++count;
  }
  // After `docker compose down` a stack is its volumes.
  TRY_ASSIGN(volumes, in_context(engine.list_volumes({std::string(compose::kProject)}), "list the stacks"));
  for (const engine::VolumeInfo& volume : volumes)
    running.try_emplace(std::string(compose::label(volume.labels, compose::kProject)));
  running.erase("");
  std::vector<StackSummary> stacks;
  stacks.reserve(running.size());
  for (const auto& [name, count] : running) stacks.push_back({name, count});
  return stacks;
}

Result<Stack> discover(engine::Engine& engine, const std::string& name) {
  const std::string doing = "look at stack " + escape_for_display(name);
  StackParts parts;
  TRY_ASSIGN(listed, in_context(engine.list_containers({.labels = {project_filter(name)}, .names = {}}), doing));
  for (const engine::ContainerSummary& container : listed)
    TRY(in_context(add_if_there(parts.containers, engine.inspect_container(container.id)), doing));
  TRY_ASSIGN(volumes, in_context(engine.list_volumes({project_filter(name)}), doing));
  parts.volumes = std::move(volumes);
  if (parts.containers.empty() && parts.volumes.empty()) return no_such_stack(engine, name);
  TRY_ASSIGN(networks, in_context(engine.list_networks({project_filter(name)}), doing));
  parts.networks = std::move(networks);
  TRY(in_context(add_mounted_volumes(engine, parts), doing));
  TRY(in_context(add_attached_networks(engine, parts), doing));
  TRY(in_context(add_images(engine, parts), doing));
  TRY_ASSIGN(stack, assemble(name, std::move(parts), LabelErrors::refuse));
  stack.digest_key = random_hex(16);
  return stack;
}

}  // namespace davit::sources
