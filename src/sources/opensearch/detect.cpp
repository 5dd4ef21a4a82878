#include "sources/opensearch/detect.hpp"

#include <algorithm>
#include <array>

#include "sources/postgres/detect.hpp"

namespace davit::sources {
namespace {

// Names of images, without their registry and owner, that run a server. What only ends in one of them is more often a
// tool for it (fluentd-elasticsearch) than one.
constexpr std::array<std::string_view, 5> kServerImages{"opensearch", "elasticsearch", "elasticsearch-oss",
                                                        "elasticsearch-wolfi", "opendistro-for-elasticsearch"};
// Settings that their images take from the environment, and that nobody who only connects has a use for.
constexpr std::array<std::string_view, 4> kServerSettings{
    "discovery.type", "discovery.seed_hosts", "cluster.initial_cluster_manager_nodes", "cluster.initial_master_nodes"};

}  // namespace

bool looks_like_search(const Service& service) {
  switch (service.settings.search) {
    case Settings::Search::off:
      return false;
    case Settings::Search::snapshot:
      return true;
    case Settings::Search::automatic:
      break;
  }
  return std::ranges::any_of(service.containers, [](const engine::ContainerInfo& container) {
    return std::ranges::contains(kServerImages, image_name(container.image)) ||
           std::ranges::any_of(kServerSettings,
                               [&](std::string_view name) { return container.env_value(name).has_value(); });
  });
}

}  // namespace davit::sources
