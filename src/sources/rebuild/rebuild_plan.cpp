#include <algorithm>
#include <set>

#include "sources/assemble.hpp"
#include "sources/compose_labels.hpp"
#include "sources/json_field.hpp"
#include "sources/rebuild/container_body.hpp"
#include "sources/rebuild/host_check.hpp"
#include "sources/rebuild/network_body.hpp"
#include "sources/rebuild/rebuild.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

Recorded containers_of(const Stack& stack, const RebuildPlan& plan) {
  Recorded containers;
  for (const std::string& name : plan.services)
    for (const engine::ContainerInfo& container : stack.find_service(name)->containers)
      containers.push_back(&container);
  return containers;
}

// Networks and volumes of the project that its containers need, and that are neither there nor restored.
void add_missing(const Stack& stack, const Recorded& containers, const HostView& host, const RebuildOptions& options,
                 RebuildPlan& plan) {
  std::set<std::string> networks;
  std::set<std::string> volumes;
  for (const engine::ContainerInfo* container : containers) {
    for (std::string& name : networks_of(*container)) networks.insert(std::move(name));
    for (const engine::Mount& mount : container->mounts)
      if (mount.type == "volume" && !is_anonymous(mount.name)) volumes.insert(mount.name);
  }
  for (const engine::NetworkInfo& network : stack.networks)
    if (is_network_of(network, stack.name) && networks.contains(network.name) &&
        host.find_network(network.name) == nullptr)
      plan.networks.push_back(network.name);
  for (const Volume& volume : stack.volumes)
    if (compose::label(volume.info.labels, compose::kProject) == stack.name && volumes.contains(volume.info.name) &&
        !host.volumes.contains(volume.info.name) &&
        !(options.restores_volume && options.restores_volume(volume.info.name)))
      plan.volumes.push_back(volume.info.name);
}

// Compose's hash of a service's configuration is of absolute paths, too.
std::vector<std::string> services_with_moved_paths(const Recorded& containers, const MovedPaths& moved) {
  std::vector<std::string> services;
  for (const engine::ContainerInfo* container : containers) {
    const json raw = json::parse(container->raw, nullptr, false);
    const std::string service(compose::label(container->labels, compose::kService));
    for (const json& mount : list_field(raw, "Mounts"))
      if (text_field(mount, "Type") == "bind" && moved.moves_any(text_field(mount, "Source")) &&
          !std::ranges::contains(services, service))
        services.push_back(service);
  }
  return services;
}

Result<> add_conflicts(helper::Host& host, const Target& target, const Recorded& containers, const HostView& view,
                       const RebuildOptions& options, RebuildPlan& plan, RunContext& run) {
  const Stack& stack = *target.recorded;
  const auto add = [&](std::vector<Conflict> conflicts) {
    std::ranges::move(conflicts, std::back_inserter(plan.conflicts));
  };
  add(image_conflicts(plan.images));
  add(taken_names(containers, view));
  add(taken_networks(stack, containers, view));
  add(taken_ports(containers, view));
  add(missing_externals(stack, containers, view, options.restores_volume));
  const PathsOptions paths{options.moved, options.restores_path, options.may_make};
  TRY_ASSIGN(missing, missing_paths(host, stack, containers, view, paths, run));
  add(std::move(missing));
  return {};
}

}  // namespace

bool RebuildPlan::makes(std::string_view service) const { return std::ranges::contains(services, service); }

Result<RebuildPlan> plan_rebuild(helper::Host& host, const Target& target, const RebuildOptions& options,
                                 RunContext& run) {
  const Stack& stack = *target.recorded;
  RebuildPlan plan;
  TRY_ASSIGN(order, start_order(stack));
  for (const StartStep& step : order)
    if ((!options.takes || options.takes(step.service)) && target.present->find_service(step.service) == nullptr)
      plan.services.push_back(step.service);
  if (plan.empty()) return plan;
  const Recorded containers = containers_of(stack, plan);
  for (const engine::ContainerInfo* container : containers) plan.containers.push_back(container->name);
  const ImageOptions images{[&](std::string_view service) { return plan.makes(service); }, target.allow_version_change};
  TRY_ASSIGN(steps, plan_images(host.engine(), stack, images));
  plan.images = std::move(steps);
  TRY_ASSIGN(view, in_context(look_at_host(host.engine()), "look at this host"));
  add_missing(stack, containers, view, options, plan);
  TRY(add_conflicts(host, target, containers, view, options, plan, run));
  std::string moved;
  for (const std::string& service : services_with_moved_paths(containers, options.moved))
    moved += (moved.empty() ? "" : ", ") + service;
  if (!moved.empty())
    plan.notes.push_back(
        "the next docker compose up -d will make " + moved +
        " anew, with the same volumes: Compose compares the paths that are mounted, and they have moved");
  return plan;
}

}  // namespace davit::sources
