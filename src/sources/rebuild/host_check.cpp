#include "sources/rebuild/host_check.hpp"

#include <algorithm>
#include <map>

#include "sources/assemble.hpp"
#include "sources/compose_labels.hpp"
#include "sources/json_field.hpp"
#include "sources/rebuild/address_range.hpp"
#include "sources/rebuild/container_body.hpp"
#include "sources/rebuild/endpoints.hpp"
#include "sources/rebuild/network_body.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

std::string owner_of(const engine::Labels& labels) {
  const std::string_view project = compose::label(labels, compose::kProject);
  return project.empty() ? std::string() : " of stack " + escape_for_display(project);
}

// Whether any container of these is connected to it.
bool is_used(const Recorded& containers, const std::string& network) {
  return std::ranges::any_of(containers, [&](const engine::ContainerInfo* container) {
    return std::ranges::contains(networks_of(*container), network);
  });
}

std::vector<Conflict> overlaps(const engine::NetworkInfo& recorded, const Stack& stack, const HostView& host) {
  std::vector<Conflict> conflicts;
  for (const std::string& subnet : set_subnets(recorded, stack)) {
    const auto range = parse_range(subnet);
    if (!range) continue;
    for (const engine::NetworkInfo& other : host.networks)
      for (const std::string& taken : subnets_of(other))
        if (const auto theirs = parse_range(taken); theirs && theirs->overlaps(*range))
          conflicts.push_back({"network " + recorded.name + " is to have the addresses " + subnet +
                                   ", of which network " + other.name + owner_of(other.labels) + " has " + taken,
                               "remove network " + other.name + ", or give it other addresses", false});
  }
  return conflicts;
}

// One of the project that is there. Containers with fixed addresses could not be started in other ranges than theirs.
std::vector<Conflict> other_ranges(const engine::NetworkInfo& recorded, const engine::NetworkInfo& present,
                                   const Stack& stack) {
  const std::vector<std::string> has = subnets_of(present);
  for (const std::string& subnet : set_subnets(recorded, stack))
    if (!std::ranges::contains(has, subnet))
      return {{"network " + recorded.name + " is there without the addresses " + subnet + " that it had",
               "remove network " + recorded.name + ", which is made anew then", false}};
  return {};
}

}  // namespace

const engine::NetworkInfo* HostView::find_network(std::string_view name) const {
  const auto found = std::ranges::find(networks, name, &engine::NetworkInfo::name);
  return found == networks.end() ? nullptr : &*found;
}

Result<HostView> look_at_host(engine::Engine& engine) {
  HostView view;
  TRY_ASSIGN(listed, engine.list_containers({.all = true, .labels = {}, .names = {}}));
  for (const engine::ContainerSummary& summary : listed) {
    auto info = engine.inspect_container(summary.id);
    // It may have gone since.
    if (!info && info.error().code() == Errc::not_found) continue;
    if (!info) return std::unexpected(std::move(info).error());
    view.containers.push_back(*std::move(info));
  }
  TRY_ASSIGN(networks, engine.list_networks({}));
  view.networks = std::move(networks);
  TRY_ASSIGN(volumes, engine.list_volumes({}));
  for (const engine::VolumeInfo& volume : volumes) view.volumes.insert(volume.name);
  return view;
}

std::vector<Conflict> taken_names(const Recorded& containers, const HostView& host) {
  std::vector<Conflict> conflicts;
  for (const engine::ContainerInfo* container : containers)
    if (const auto other = std::ranges::find(host.containers, container->name, &engine::ContainerInfo::name);
        other != host.containers.end())
      conflicts.push_back({"the name " + container->name + " is that of a container" + owner_of(other->labels) +
                               " on this host, which " + (other->state.running ? "runs" : "does not run"),
                           "rename or remove container " + container->name, false});
  return conflicts;
}

std::vector<Conflict> taken_networks(const Stack& recorded, const Recorded& containers, const HostView& host) {
  std::vector<Conflict> conflicts;
  for (const engine::NetworkInfo& network : recorded.networks) {
    if (!is_network_of(network, recorded.name) || !is_used(containers, network.name)) continue;
    const engine::NetworkInfo* other = host.find_network(network.name);
    if (other == nullptr) {
      std::ranges::move(overlaps(network, recorded, host), std::back_inserter(conflicts));
    } else if (!is_network_of(*other, recorded.name) ||
               compose::label(other->labels, compose::kNetwork) != compose::label(network.labels, compose::kNetwork)) {
      conflicts.push_back(
          {"the name " + network.name + " is that of another network" + owner_of(other->labels) + " on this host",
           "remove network " + network.name, false});
    } else {
      std::ranges::move(other_ranges(network, *other, recorded), std::back_inserter(conflicts));
    }
  }
  return conflicts;
}

std::vector<Conflict> missing_externals(const Stack& recorded, const Recorded& containers, const HostView& host,
                                        const std::function<bool(const std::string&)>& restores_volume) {
  std::map<std::string, std::string> networks;  // and who needs them
  std::map<std::string, std::string> volumes;
  for (const engine::ContainerInfo* container : containers) {
    for (const std::string& name : networks_of(*container)) {
      const auto known = std::ranges::find(recorded.networks, name, &engine::NetworkInfo::name);
      const bool own = known != recorded.networks.end() && is_network_of(*known, recorded.name);
      if (!own && host.find_network(name) == nullptr) networks.try_emplace(name, container->name);
    }
    for (const engine::Mount& mount : container->mounts) {
      if (mount.type != "volume" || is_anonymous(mount.name)) continue;
      const Volume* known = recorded.find_volume(mount.name);
      const bool own = known != nullptr && compose::label(known->info.labels, compose::kProject) == recorded.name;
      if (!own && !host.volumes.contains(mount.name) && !(restores_volume && restores_volume(mount.name)))
        volumes.try_emplace(mount.name, container->name);
    }
  }
  std::vector<Conflict> conflicts;
  for (const auto& [name, container] : networks)
    conflicts.push_back(
        {"network " + name + ", which " + container + " is connected to and which isn't the stack's, is missing",
         "make it: docker network create " + name, false});
  for (const auto& [name, container] : volumes)
    conflicts.push_back({"volume " + name + ", which " + container +
                             " mounts and which is neither the stack's nor restored, is missing",
                         "make it and fill it: docker volume create " + name, false});
  return conflicts;
}

}  // namespace davit::sources
