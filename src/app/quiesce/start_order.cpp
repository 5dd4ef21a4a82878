#include "app/quiesce/start_order.hpp"

#include "sources/compose_labels.hpp"
#include "util/text.hpp"

namespace davit::app {

std::vector<std::string> parse_depends_on(std::string_view label) {
  std::vector<std::string> names;
  for (const std::string& entry : split(label, ','))
    if (const std::string_view name = trim(std::string_view(entry).substr(0, entry.find(':'))); !name.empty())
      names.emplace_back(name);
  return names;
}

StartOrder::StartOrder(const sources::Stack& stack) {
  for (const sources::Service& service : stack.services)
    direct_[service.name] =
        parse_depends_on(sources::compose::label(service.containers.front().labels, sources::compose::kDependsOn));
  for (const auto& [service, dependencies] : direct_) visit(service);
}

void StartOrder::visit(const std::string& service) {
  if (!visited_.insert(service).second) return;
  std::set<std::string, std::less<>> all;
  for (const std::string& dependency : direct_[service]) {
    if (!direct_.contains(dependency)) continue;
    visit(dependency);
    // Without a place yet, it is being visited further up: a circle.
    if (!places_.contains(dependency)) continue;
    all.insert(dependency);
    const auto& further = all_[dependency];
    all.insert(further.begin(), further.end());
  }
  places_[service] = static_cast<int>(places_.size());
  all_[service] = std::move(all);
}

int StartOrder::place(std::string_view service) const { return places_.find(service)->second; }

bool StartOrder::depends(std::string_view service, std::string_view other) const {
  const auto found = all_.find(service);
  return found != all_.end() && found->second.contains(other);
}

}  // namespace davit::app
