#include "sources/opensearch/plan.hpp"

#include <algorithm>
#include <array>

#include "sources/host_path.hpp"
#include "sources/opensearch/detect.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// Where public images have their indices, and nothing else.
constexpr std::array<std::string_view, 4> kDataMounts{"/usr/share/opensearch/data", "/usr/share/elasticsearch/data",
                                                      "/bitnami/opensearch/data", "/bitnami/elasticsearch/data"};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + escape_for_display(name);
  return text;
}

// What the snapshot stands for: the indices' files, which are no use when they are copied while they change, and the
// repository, of which the backup has what it needs.
void cover_mount(const Stack& stack, const engine::Mount& mount, const model::Item& item, Plan& plan) {
  if (mount.type == "bind") plan.covered_volumes.emplace(mount.source, item.id);
  if (mount.type != "volume" || mount.name.empty()) return;
  std::vector<std::string> others = stack.users_of(mount.name);
  std::erase_if(others, [&](const std::string& name) { return std::ranges::contains(item.services, name); });
  if (others.empty())
    plan.covered_volumes.emplace(mount.name, item.id);
  else
    plan.not_covered.push_back(
        {item.id.text() + " as files", "volume " + mount.name + " is not left out for the snapshot (used by " +
                                           joined(others) + " too): only the snapshot is consistent"});
}

void cover_mounts(const Stack& stack, const SearchDirectory& directory, const std::vector<SearchNode>& nodes,
                  const model::Item& item, Plan& plan) {
  if (!directory.mount.empty()) plan.covered_volumes.emplace(directory.mount, item.id);
  const auto is_data = [&](const std::string& path) {
    return std::ranges::contains(kDataMounts, path) || std::ranges::any_of(nodes, [&](const SearchNode& node) {
             return std::ranges::contains(node.data_paths, path);
           });
  };
  for (const std::string& name : item.services) {
    const Service* service = stack.find_service(name);
    if (service == nullptr) continue;
    for (const engine::ContainerInfo& container : service->containers)
      for (const engine::Mount& mount : container.mounts)
        if (is_data(normal_path(mount.destination))) cover_mount(stack, mount, item, plan);
  }
}

void tell_not_covered(const SearchChoice& choice, const model::ItemId& id, Plan& plan) {
  if (!choice.closed.empty())
    plan.not_covered.push_back({id.text() + " closed indices", joined(choice.closed) + ": a snapshot needs them open"});
  if (!choice.own.empty())
    plan.not_covered.push_back(
        {id.text() + " indices of its own",
         joined(choice.own) +
             ": what the server keeps for itself is not taken; davit.search.indices names what is wanted "
             "of it"});
  plan.not_covered.push_back({id.text() + " global state",
                              "settings and templates of the cluster, ingest pipelines, policies, users and roles are "
                              "not part of a snapshot of indices"});
}

Result<> plan_cluster(const Stack& stack, SearchClient client, const Service& service, model::Item item, Plan& plan,
                      const stream::Encoding& encoding, SearchSeats& seats, RunContext& run) {
  TRY_ASSIGN(nodes, list_nodes(client, false, run));
  TRY_ASSIGN(directory, find_search_directory(client.container(), service.name, nodes));
  TRY_ASSIGN(indices, list_indices(client, run));
  TRY_ASSIGN(streams, list_streams(client, run));
  const SearchProduct& product = client.product();
  const SearchChoice choice =
      choose_indices(indices, streams, service.settings.search_indices, product.distribution == "opensearch");
  item.consistency = model::Consistency::snapshot;
  item.attributes["version"] = product.version;
  item.attributes["distribution"] = product.distribution;
  item.attributes["image"] = client.container().image;
  item.attributes["cluster"] = product.cluster;
  item.attributes["cluster_uuid"] = product.cluster_uuid;
  tell_not_covered(choice, item.id, plan);
  if (choice.indices.empty()) {
    // What else its volumes hold must not be lost: nothing stands for them.
    plan.not_covered.push_back({item.id.text(),
                                "it holds no open index to take, so there is no snapshot; its volumes are backed up as "
                                "they are"});
    return {};
  }
  cover_mounts(stack, directory, nodes, item, plan);
  model::Artefact artefact;
  artefact.path = "search/" + artefact_name(item.id.name) + ".tar" + std::string(stream::file_suffix(encoding.codec));
  artefact.content = model::Content::tar;
  artefact.codec = encoding.codec;
  item.artefacts.push_back(std::move(artefact));
  seats.emplace(item.id.name, SearchSeat{std::move(client), std::move(directory), service.settings.search_indices});
  plan.items.push_back(std::move(item));
  return {};
}

}  // namespace

Result<Plan> plan_search(engine::Engine& engine, const Stack& stack, const stream::Encoding& encoding,
                         const Takes& takes, SearchSeats& seats, RunContext& run) {
  Plan plan;
  seats.clear();
  struct Found {
    SearchClient client;
    const Service* service;
    model::Item item;
  };
  std::vector<Found> clusters;
  for (const Service& service : stack.services) {
    if (!service.settings.enable || !looks_like_search(service)) continue;
    model::Item item;
    item.id = {model::ItemKind::search, service.name};
    item.services = {service.name};
    if (!takes(item.id)) {
      plan.items.push_back(std::move(item));
      continue;
    }
    const engine::ContainerInfo* container = service.running_container();
    if (container == nullptr) {
      plan.not_covered.push_back({item.id.text(),
                                  "its service doesn't run, so there is no snapshot; its volumes are backed up as they "
                                  "are"});
      continue;
    }
    auto client = SearchClient::connect_patiently(engine, *container, kSearchPatience, run);
    if (!client)
      return std::unexpected(
          std::move(client)
              .error()
              .context("connect to " + item.id.text())
              .hint_if_none("set the label davit.search=off on the service to back up its volumes only"));
    const auto known = std::ranges::find_if(clusters, [&](const Found& each) {
      return each.client.product().cluster_uuid == client->product().cluster_uuid;
    });
    if (known != clusters.end())
      known->item.services.push_back(service.name);
    else
      clusters.push_back({*std::move(client), &service, std::move(item)});
  }
  for (Found& each : clusters) {
    const std::string planning = "plan " + each.item.id.text();
    TRY(in_context(
        plan_cluster(stack, std::move(each.client), *each.service, std::move(each.item), plan, encoding, seats, run),
        planning));
  }
  return plan;
}

}  // namespace davit::sources
