#include "app/quiesce/service_containers.hpp"

#include <algorithm>
#include <charconv>

#include "sources/compose_labels.hpp"
#include "util/text.hpp"

namespace davit::app {

Result<std::vector<ServiceContainer>> containers_of_service(engine::Engine& engine, const std::string& project,
                                                            const std::string& service) {
  using namespace sources;
  TRY_ASSIGN(listed, engine.list_containers({.all = true,
                                             .labels = {std::string(compose::kProject) + "=" + project,
                                                        std::string(compose::kService) + "=" + service},
                                             .names = {}}));
  std::vector<ServiceContainer> containers;
  for (const engine::ContainerSummary& summary : listed) {
    if (compose::label(summary.labels, compose::kOneOff) == "True") continue;
    const std::string_view text = compose::label(summary.labels, compose::kNumber);
    int number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    containers.push_back({summary.id, summary.name, number, summary.state});
  }
  std::ranges::sort(containers, {}, &ServiceContainer::number);
  return containers;
}

}  // namespace davit::app
