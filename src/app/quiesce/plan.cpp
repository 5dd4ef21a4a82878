#include "app/quiesce/plan.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "app/quiesce/start_order.hpp"
#include "engine/own_labels.hpp"
#include "sources/compose_labels.hpp"
#include "sources/host_path.hpp"
#include "sources/volume_plan.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using engine::ContainerInfo;
using model::Consistency;
using model::Item;
using model::ItemKind;
using sources::Settings;

bool is_place(const Item& item) { return item.id.kind == ItemKind::volume || item.id.kind == ItemKind::bind; }

// Whether it is read through a command in the service's container, which must run then.
bool is_dump(const Item& item) {
  using enum ItemKind;
  return std::ranges::contains(std::array{postgres, search, ldap, rabbitmq, command}, item.id.kind);
}

// Whether that is all that matters of the service's data. A broker's definitions are not: its messages are in its
// volume, for which it is held, behind them.
bool is_all(const Item& item) { return is_dump(item) && item.id.kind != ItemKind::rabbitmq; }

How how_of(Settings::Quiesce quiesce) {
  switch (quiesce) {
    case Settings::Quiesce::none:
      return How::none;
    case Settings::Quiesce::pause:
      return How::pause;
    case Settings::Quiesce::stop:
      break;
  }
  return How::stop;
}

// The service of the stack that a container belongs to. A `docker compose run` belongs to none.
const sources::Service* service_of(const sources::Stack& stack, const ContainerInfo& container) {
  using namespace sources;
  if (compose::label(container.labels, compose::kProject) != stack.name ||
      compose::label(container.labels, compose::kOneOff) == "True")
    return nullptr;
  return stack.find_service(compose::label(container.labels, compose::kService));
}

std::string describe(const ContainerInfo& container, const sources::Stack& stack) {
  const std::string_view project = sources::compose::label(container.labels, sources::compose::kProject);
  std::string text = "container " + escape_for_display(container.name) + " writes it, and is not held: ";
  if (project.empty()) return text + "it belongs to no stack";
  if (project == stack.name) return text + "it is no service's (docker compose run)";
  return text + "it belongs to stack " + escape_for_display(project);
}

class Planner {
 public:
  Planner(const sources::Stack& stack, const std::vector<Item>& items, const std::vector<ContainerInfo>& running,
          const QuiesceOptions& options)
      : stack_(stack), items_(items), options_(options), order_(stack) {
    for (const ContainerInfo& container : running)
      if (container.id.value != options.self && !container.labels.contains(engine::kRoleLabel))
        running_.push_back(container);
    for (const ContainerInfo& container : running_)
      if (const sources::Service* service = service_of(stack, container); service != nullptr && !container.state.paused)
        active_.insert(service->name);
    for (const Item& item : items)
      if (is_all(item)) dumped_.insert(item.services.begin(), item.services.end());
    plan_.consistent = options.consistent;
  }

  QuiescePlan plan() {
    if (options_.consistent) hold_all();
    for (const Item& item : items_)
      if (is_place(item)) plan_place(item);
    hold_sharers();
    for (const Item& item : items_) add_hooks(item);
    finish();
    return std::move(plan_);
  }

 private:
  // Not yet in order, and known by name.
  struct Draft {
    How how = How::none;
    std::optional<std::chrono::milliseconds> max;
  };

  void hold(const std::string& service, How how, const Settings& settings) {
    Draft& draft = drafts_[service];
    draft.how = std::max(draft.how, how);
    if (settings.quiesce_max && (!draft.max || *settings.quiesce_max < *draft.max)) draft.max = *settings.quiesce_max;
  }

  // Every service that runs, but those that make a consistent copy of their own, and those whose label says no.
  void hold_all() {
    for (const ContainerInfo& container : running_) {
      const sources::Service* service = service_of(stack_, container);
      if (service == nullptr || dumped_.contains(service->name) || container.state.paused) continue;
      const How how = how_of(service->settings.quiesce.value_or(Settings::Quiesce::pause));
      if (how == How::none) continue;
      hold(service->name, how, service->settings);
    }
  }

  [[nodiscard]] std::vector<const ContainerInfo*> writers_of(const Item& item) const {
    if (item.id.kind == ItemKind::volume)
      return sources::users_of_volume(running_, model::attribute(item.attributes, "volume"), true);
    // Of the stack, whoever may write counts, wherever it is mounted. Of others, those who look at the whole host (a
    // file manager, an agent) don't.
    const std::string path = model::attribute(item.attributes, "path");
    const std::string project = stack_.project_dir.empty() ? path : sources::normal_path(stack_.project_dir);
    auto writers = sources::users_of_path(running_, path, "/", true);
    const auto near = sources::users_of_path(running_, path, project, true);
    std::erase_if(writers, [&](const ContainerInfo* container) {
      return service_of(stack_, *container) == nullptr && !std::ranges::contains(near, container);
    });
    return writers;
  }

  void plan_place(const Item& item) {
    ItemQuiesce& quiesce = plan_.items[item.id];
    const sources::Volume* volume =
        item.id.kind == ItemKind::volume ? stack_.find_volume(model::attribute(item.attributes, "volume")) : nullptr;
    bool live = false;
    bool frozen = false;  // somebody else has paused a writer: it stays so
    std::set<std::string> held;
    for (const ContainerInfo* container : writers_of(item)) {
      if (container->state.paused) {
        frozen = true;
        continue;
      }
      const sources::Service* service = service_of(stack_, *container);
      if (service == nullptr) {
        live = true;
        quiesce.findings.push_back({item.id.text(), "", describe(*container, stack_)});
        continue;
      }
      const auto label =
          volume != nullptr && volume->settings.quiesce ? volume->settings.quiesce : service->settings.quiesce;
      How how = how_of(label.value_or(Settings::Quiesce::pause));
      // Where all are held, a volume's label can only ask for more.
      if (options_.consistent && drafts_.contains(service->name)) how = std::max(how, drafts_[service->name].how);
      if (how == How::none || (options_.consistent && exempt(*service))) {
        live = true;
        continue;
      }
      hold(service->name, how, service->settings);
      if (volume != nullptr) hold(service->name, how, volume->settings);
      held.insert(service->name);
    }
    quiesce.consistency = live ? Consistency::live : frozen ? Consistency::paused : Consistency::stopped;
    held_[item.id] = std::move(held);
  }

  // The one whose network a container uses as its own, if that is stopped.
  [[nodiscard]] const sources::Service* stopped_owner_of_network(const ContainerInfo& container) const {
    constexpr std::string_view kContainer = "container:";
    if (!container.network_mode.starts_with(kContainer)) return nullptr;
    const std::string_view id = std::string_view(container.network_mode).substr(kContainer.size());
    const auto owner = std::ranges::find(running_, id, [](const ContainerInfo& one) { return one.id.value; });
    const sources::Service* service = owner == running_.end() ? nullptr : service_of(stack_, *owner);
    if (service == nullptr) return nullptr;
    const auto draft = drafts_.find(service->name);
    return draft != drafts_.end() && draft->second.how == How::stop ? service : nullptr;
  }

  // Who uses the network of a container that is stopped would never get it back: it goes and comes with it, as when
  // Compose restarts a service.
  void hold_sharers() {
    for (const ContainerInfo& container : running_) {
      const sources::Service* owner = stopped_owner_of_network(container);
      if (owner == nullptr) continue;
      const sources::Service* service = service_of(stack_, container);
      if (service == owner) continue;
      if (service == nullptr || container.state.paused || exempt(*service)) {
        plan_.findings.push_back({"", "",
                                  "container " + escape_for_display(container.name) + " uses the network of service " +
                                      escape_for_display(owner->name) +
                                      ", which is stopped meanwhile: it has none until it is started anew"});
        continue;
      }
      hold(service->name, How::stop, service->settings);
      for (auto& [item, held] : held_)
        if (held.contains(owner->name)) held.insert(service->name);
    }
  }

  // Held by nobody even where all are.
  [[nodiscard]] bool exempt(const sources::Service& service) const {
    return dumped_.contains(service.name) || service.settings.quiesce == Settings::Quiesce::none;
  }

  // A service's hooks are about its data: what every stack has (its definition, its files) doesn't count.
  void add_hooks(const Item& item) {
    if (!is_place(item) && !is_dump(item)) return;
    for (const std::string& name : item.services) {
      const sources::Service* service = stack_.find_service(name);
      if (service == nullptr || (service->settings.before.empty() && service->settings.after.empty())) continue;
      if (!active_.contains(name)) continue;
      drafts_.try_emplace(name);
      touched_[item.id].insert(name);
    }
  }

  void finish() {
    for (const auto& [name, draft] : drafts_) {
      const sources::Service* service = stack_.find_service(name);
      QuiescedService quiesced{.name = name,
                               .how = draft.how,
                               .order = order_.place(name),
                               .max = draft.max,
                               .needs = {},
                               .before = {},
                               .after = {}};
      for (const auto& [other, unused] : drafts_)
        if (order_.depends(name, other)) quiesced.needs.push_back(other);
      if (options_.allow_hooks) {
        const Settings& settings = service->settings;
        quiesced.before = {settings.before, settings.hook_user, settings.hook_timeout};
        quiesced.after = {settings.after, settings.hook_user, settings.hook_timeout};
      } else {
        note_hooks(*service);
      }
      plan_.services.push_back(std::move(quiesced));
    }
    std::ranges::sort(plan_.services, {}, &QuiescedService::order);
    for (const Item& item : items_) {
      if (item.id.kind == ItemKind::stack) continue;
      ItemQuiesce& quiesce = plan_.items[item.id];
      const std::set<std::string>& held = held_[item.id];
      const std::set<std::string>& touched = touched_[item.id];
      for (std::size_t i = 0; i < plan_.services.size(); ++i) {
        const QuiescedService& service = plan_.services[i];
        const bool all = options_.consistent && item.id.kind != ItemKind::rabbitmq;
        const bool holds = held.contains(service.name) || (all && service.how != How::none);
        if (holds) quiesce.held.push_back(i);
        if (holds || touched.contains(service.name)) quiesce.touched.push_back(i);
        if (held.contains(service.name) && service.how == How::pause && quiesce.consistency == Consistency::stopped)
          quiesce.consistency = Consistency::paused;
      }
    }
  }

  void note_hooks(const sources::Service& service) {
    std::string names;
    if (!service.settings.before.empty()) names = "davit.before";
    if (!service.settings.after.empty()) names += names.empty() ? "davit.after" : " and davit.after";
    if (names.empty()) return;
    plan_.findings.push_back(
        {"", "", names + " of service " + escape_for_display(service.name) + " not run: --allow-hooks is not set"});
  }

  const sources::Stack& stack_;
  const std::vector<Item>& items_;
  const QuiesceOptions& options_;
  StartOrder order_;
  std::vector<ContainerInfo> running_;
  std::set<std::string, std::less<>> active_;  // services in whose containers commands can be run
  std::set<std::string, std::less<>> dumped_;  // services
  std::map<std::string, Draft> drafts_;
  std::map<model::ItemId, std::set<std::string>> held_;
  std::map<model::ItemId, std::set<std::string>> touched_;
  QuiescePlan plan_;
};

}  // namespace

std::string_view name_of(How how) {
  switch (how) {
    case How::none:
      return "none";
    case How::pause:
      return "pause";
    case How::stop:
      break;
  }
  return "stop";
}

std::string_view state_of(How how) {
  switch (how) {
    case How::none:
      return "running";
    case How::pause:
      return "paused";
    case How::stop:
      break;
  }
  return "stopped";
}

QuiescePlan plan_quiesce(const sources::Stack& stack, const std::vector<Item>& items,
                         const std::vector<ContainerInfo>& running, const QuiesceOptions& options) {
  return Planner(stack, items, running, options).plan();
}

std::vector<Item> in_reading_order(std::vector<Item> items, const QuiescePlan& plan) {
  const auto held_for = [&plan](const Item& item) -> std::set<std::size_t> {
    const auto found = plan.items.find(item.id);
    if (found == plan.items.end() || !is_place(item)) return {};
    return {found->second.held.begin(), found->second.held.end()};
  };
  // What needs nobody held comes first, and among it the dumps.
  const auto rest = std::ranges::stable_partition(items, [&](const Item& item) { return held_for(item).empty(); });
  const std::ranges::subrange first(items.begin(), rest.begin());
  std::ranges::stable_partition(first, [](const Item& item) { return !is_place(item); });
  // Before the first of the others has anybody held, its own service among them.
  std::ranges::stable_partition(first, [](const Item& item) { return item.id.kind == ItemKind::rabbitmq; });
  std::set<std::size_t> held;
  for (auto next = rest.begin(); next != items.end(); ++next) {
    const auto shared = [&](const Item& item) {
      const std::set<std::size_t> needed = held_for(item);
      return std::ranges::count_if(needed, [&](std::size_t service) { return held.contains(service); });
    };
    // The first of those that share most with what is held already.
    const auto best = std::ranges::max_element(next, items.end(), {}, shared);
    std::rotate(next, best, best + 1);
    held.merge(held_for(*next));
  }
  return items;
}

}  // namespace davit::app
