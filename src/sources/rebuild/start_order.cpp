#include "sources/rebuild/start_order.hpp"

#include <algorithm>
#include <set>

#include "sources/compose_labels.hpp"
#include "sources/json_field.hpp"
#include "sources/rebuild/container_body.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;
using Condition = Dependency::Condition;

Condition condition_of(std::string_view name) {
  if (name == "service_healthy") return Condition::healthy;
  if (name == "service_completed_successfully") return Condition::completed;
  return Condition::started;
}

bool ran(const engine::ContainerInfo& container) {
  return container.state.running || container.state.paused || container.state.status == "restarting";
}

// The names of containers in links: "shop-db-1:db", or "/shop-db-1:/shop-web-1/db".
std::vector<std::string> linked_names(const engine::ContainerInfo& container) {
  std::vector<std::string> names;
  const auto add_all = [&](const json& links) {
    for (const json& link : links) {
      if (!link.is_string()) continue;
      std::string name = link.get<std::string>();
      name = name.substr(0, name.find(':'));
      names.push_back(name.starts_with('/') ? name.substr(1) : name);
    }
  };
  const json raw = json::parse(container.raw, nullptr, false);
  add_all(list_field(field(raw, "HostConfig"), "Links"));
  const json& networks = field(field(raw, "NetworkSettings"), "Networks");
  if (networks.is_object())
    for (const auto& [name, endpoint] : networks.items()) add_all(list_field(endpoint, "Links"));
  return names;
}

class Dependencies {
 public:
  Dependencies(const Service& of, const Stack& stack) : of_(of), stack_(stack) {}

  // Of conditions on one service the strictest counts: they are in the order of the enumeration.
  void add(std::string_view service, Condition condition) {
    if (service == of_.name || stack_.find_service(service) == nullptr) return;
    const auto known = std::ranges::find(list_, service, &Dependency::service);
    if (known == list_.end())
      list_.push_back({std::string(service), condition});
    else
      known->condition = std::max(known->condition, condition);
  }
  void add_container(const std::string& id_or_name) {
    for (const Service& service : stack_.services)
      for (const engine::ContainerInfo& container : service.containers)
        if (container.id.value == id_or_name || container.name == id_or_name) add(service.name, Condition::started);
  }
  std::vector<Dependency> take() {
    std::ranges::sort(list_, {}, &Dependency::service);
    return std::move(list_);
  }

 private:
  const Service& of_;
  const Stack& stack_;
  std::vector<Dependency> list_;
};

// Of services that wait for each other: "a → b → a".
std::string circle_among(const std::vector<StartStep>& waiting) {
  const auto next = [&](const std::string& service) -> std::string {
    const auto step = std::ranges::find(waiting, service, &StartStep::service);
    for (const Dependency& dependency : step->after)
      if (std::ranges::contains(waiting, dependency.service, &StartStep::service)) return dependency.service;
    return {};
  };
  std::vector<std::string> path{waiting.front().service};
  while (true) {
    std::string service = next(path.back());
    const auto seen = std::ranges::find(path, service);
    const bool closed = seen != path.end();
    const auto from = seen - path.begin();
    path.push_back(std::move(service));
    if (!closed) continue;
    std::string text;
    for (auto at = path.begin() + from; at != path.end(); ++at) text += (text.empty() ? "" : " → ") + *at;
    return text;
  }
}

}  // namespace

std::vector<Dependency> dependencies_of(const Service& service, const Stack& stack) {
  Dependencies dependencies(service, stack);
  for (const engine::ContainerInfo& container : service.containers) {
    for (const std::string& entry : split(compose::label(container.labels, compose::kDependsOn), ',')) {
      const std::vector<std::string> parts = split(entry, ':');
      if (parts.empty()) continue;
      dependencies.add(trim(parts[0]), parts.size() > 1 ? condition_of(parts[1]) : Condition::started);
    }
    for (const std::string& id : shared_containers(container)) dependencies.add_container(id);
    for (const std::string& name : linked_names(container)) dependencies.add_container(name);
  }
  return dependencies.take();
}

Result<std::vector<StartStep>> start_order(const Stack& stack) {
  std::vector<StartStep> waiting;
  for (const Service& service : stack.services) waiting.push_back({service.name, dependencies_of(service, stack)});
  std::vector<StartStep> order;
  std::set<std::string, std::less<>> placed;
  while (!waiting.empty()) {
    const auto next = std::ranges::find_if(waiting, [&](const StartStep& step) {
      return std::ranges::all_of(step.after, [&](const Dependency& on) { return placed.contains(on.service); });
    });
    if (next == waiting.end())
      return fail(Errc::usage, "services of stack " + stack.name + " wait for each other: " + circle_among(waiting),
                  "look at their depends_on, links and shared networks");
    placed.insert(next->service);
    order.push_back(std::move(*next));
    waiting.erase(next);
  }
  return order;
}

bool is_started(const Service& service, const Stack& stack) {
  if (std::ranges::any_of(service.containers, ran)) return true;
  return std::ranges::any_of(stack.services, [&](const Service& other) {
    return std::ranges::any_of(other.containers, ran) &&
           std::ranges::contains(dependencies_of(other, stack), Dependency{service.name, Condition::completed});
  });
}

}  // namespace davit::sources
