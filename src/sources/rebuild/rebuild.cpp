#include "sources/rebuild/rebuild.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <ranges>
#include <set>

#include "sources/assemble.hpp"
#include "sources/compose_labels.hpp"
#include "sources/rebuild/container_body.hpp"
#include "sources/rebuild/made_stack.hpp"
#include "sources/rebuild/network_body.hpp"
#include "sources/rebuild/readiness.hpp"

namespace davit::sources {
namespace {

using Condition = Dependency::Condition;
using Wanted = std::function<bool(std::string_view)>;

// What is waited for in the end: a service that had ended at the backup, and is started because others wait for it, is
// to end again.
Condition last_condition(const Service& service) {
  const bool ran = std::ranges::any_of(service.containers, [](const engine::ContainerInfo& container) {
    return container.state.running || container.state.status == "restarting";
  });
  return ran ? Condition::healthy : Condition::completed;
}

// Which services could not be started, and why.
class StartFailures {
 public:
  // Errc::cancelled is nobody's fault, and given on.
  [[nodiscard]] Result<> take(const std::string& service, Result<> result) {
    if (result || result.error().code() == Errc::cancelled) return result;
    failed_.insert(service);
    lines_ += "\n  - " + result.error().message();
    if (!first_) first_ = std::move(result).error();
    return {};
  }
  [[nodiscard]] bool contains(const std::string& service) const { return failed_.contains(service); }
  [[nodiscard]] Result<> result() const {
    if (!first_) return {};
    if (failed_.size() == 1) return std::unexpected(*first_);
    return fail(first_->code(), std::to_string(failed_.size()) + " services:" + lines_, first_->hint());
  }

 private:
  std::set<std::string> failed_;
  std::string lines_;
  std::optional<Error> first_;
};

}  // namespace

struct Rebuild::State {
  helper::Host& host;
  const Stack& recorded;
  RebuildPlan plan;
  RebuildOptions options;
  MadeStack made;
  std::map<std::pair<std::string, std::string>, std::string> images = {};  // by reference and recorded id: id here

  [[nodiscard]] engine::Engine& engine() const { return host.engine(); }
  [[nodiscard]] const Service& service(const std::string& name) const { return *recorded.find_service(name); }

  [[nodiscard]] Result<> bring(const ImageStep& step, RunContext& run) {
    TRY_ASSIGN(id, pull_if_missing(engine(), step, run));
    if (step.tag && !step.tagged_id.empty())
      TRY(made.move_tag(step.reference, step.tagged_id, id, run));
    else
      TRY(tag_if_missing(engine(), step, id));
    images[{step.reference, step.id}] = id;
    return {};
  }

  [[nodiscard]] Result<> make_network(const engine::NetworkInfo& network, RunContext& run) {
    TRY_ASSIGN(body, network_body(network, set_subnets(network, recorded)));
    return made.make_network(network.name, body, run);
  }

  // Those of the project. Others are there, or were restored; anonymous ones are the Engine's to make.
  [[nodiscard]] Result<> make_missing_volumes(const engine::ContainerInfo& container, RunContext& run) {
    for (const engine::Mount& mount : container.mounts) {
      if (mount.type != "volume" || is_anonymous(mount.name)) continue;
      const Volume* volume = recorded.find_volume(mount.name);
      if (volume != nullptr && compose::label(volume->info.labels, compose::kProject) == recorded.name)
        TRY(made.make_volume(volume->info, run));
    }
    return {};
  }

  [[nodiscard]] std::optional<std::string> new_id(const std::string& recorded_id) const {
    for (const MadeStack::Container& container : made.containers())
      if (container.recorded->id.value == recorded_id || container.recorded->name == recorded_id)
        return container.entry.id;
    // Or of a service that was there, under the name that it had.
    for (const Service& service : recorded.services)
      for (const engine::ContainerInfo& container : service.containers)
        if (container.id.value == recorded_id)
          if (const auto present = engine().inspect_container({container.name})) return present->id.value;
    return std::nullopt;
  }

  [[nodiscard]] Result<> make_container(const Service& service, const engine::ContainerInfo& container,
                                        RunContext& run) {
    TRY(make_missing_volumes(container, run));
    BodyOptions body_options;
    body_options.moved = options.moved;
    if (const auto image = images.find({container.image, container.image_id}); image != images.end())
      body_options.image_id = image->second;
    // Of an image that was loaded from a file the Engine knows no digest, and an id may be another here.
    if (const auto named = engine().inspect_image(container.image); !named && named.error().code() == Errc::not_found)
      body_options.image = body_options.image_id;
    body_options.has_volume = [&](const std::string& volume) { return engine().inspect_volume(volume).has_value(); };
    body_options.new_id = [&](const std::string& id) { return new_id(id); };
    TRY_ASSIGN(body, container_body(container, body_options));
    return made.make_container(service.name, container, body, run);
  }

  [[nodiscard]] Result<> wait_for(const std::string& name, Condition condition, RunContext& run) {
    for (const MadeStack::Container* container : made.containers_of(name))
      if (container->started) {
        const auto within = options.ready_within + start_period_of(*container->recorded);
        TRY(in_context(wait_until_ready(engine(), {container->entry.id}, condition, within, run),
                       "wait for service " + name));
      }
    return {};
  }

  [[nodiscard]] bool starts(const std::string& name) const {
    return options.starts ? options.starts(name) : is_started(service(name), recorded);
  }

  // With what they depend on, of what is to be started at all.
  [[nodiscard]] std::set<std::string> with_dependencies(const Wanted& wanted) const {
    std::set<std::string> all;
    for (const std::string& name : plan.services | std::views::reverse) {
      if (wanted ? wanted(name) : starts(name)) all.insert(name);
      if (!all.contains(name)) continue;
      for (const Dependency& on : dependencies_of(service(name), recorded))
        if (starts(on.service)) all.insert(on.service);
    }
    return all;
  }

  [[nodiscard]] Result<> start_service(const std::string& name, StartFailures& failures, RunContext& run) {
    std::vector<MadeStack::Container*> containers = made.containers_of(name);
    std::erase_if(containers, [](const MadeStack::Container* container) { return container->started; });
    if (containers.empty()) return {};
    for (const Dependency& on : dependencies_of(service(name), recorded)) {
      if (!failures.contains(on.service))
        TRY(failures.take(on.service, wait_for(on.service, on.condition, run)));  // and nobody waits for it again
      if (failures.contains(on.service))
        return fail(Errc::failed, "service " + name + " was not started: it depends on " + on.service);
    }
    run.reporter.note("starting service " + name);
    for (MadeStack::Container* container : containers) {
      TRY(run.check());
      TRY(in_context(engine().start_container({container->entry.id}), "start service " + name));
      container->started = true;
    }
    return {};
  }
};

Rebuild::Rebuild(helper::Host& host, const Target& target, RebuildPlan plan, RebuildOptions options)
    : state_(std::make_unique<State>(host, *target.recorded, std::move(plan), std::move(options),
                                     MadeStack(host.engine(), target.recorded->name, target.journal))) {}
Rebuild::~Rebuild() = default;
Rebuild::Rebuild(Rebuild&&) noexcept = default;
Rebuild& Rebuild::operator=(Rebuild&&) noexcept = default;

const RebuildPlan& Rebuild::plan() const { return state_->plan; }

Result<> Rebuild::bring_images(RunContext& run) {
  for (const ImageStep& step : state_->plan.images) {
    TRY(run.check());
    TRY(state_->bring(step, run));
  }
  return {};
}

Result<> Rebuild::make_networks(RunContext& run) {
  for (const std::string& name : state_->plan.networks) {
    TRY(run.check());
    const auto network = std::ranges::find(state_->recorded.networks, name, &engine::NetworkInfo::name);
    TRY(in_context(state_->make_network(*network, run), "make network " + name));
  }
  return {};
}

Result<> Rebuild::make_containers(RunContext& run) {
  for (const std::string& name : state_->plan.services)
    for (const engine::ContainerInfo& container : state_->service(name).containers) {
      TRY(run.check());
      TRY(in_context(state_->make_container(state_->service(name), container, run),
                     "make container " + container.name));
    }
  return {};
}

Result<> Rebuild::start(const Wanted& wanted, RunContext& run) {
  const std::set<std::string> services = state_->with_dependencies(wanted);
  StartFailures failures;
  for (const std::string& name : state_->plan.services)
    if (services.contains(name)) TRY(failures.take(name, state_->start_service(name, failures, run)));
  for (const std::string& name : state_->plan.services)
    if (services.contains(name) && !failures.contains(name))
      TRY(failures.take(name, state_->wait_for(name, last_condition(state_->service(name)), run)));
  return failures.result();
}

Result<> Rebuild::hold(RunContext& run) {
  StartEntry entry{run.run_id, state_->recorded.name, {}};
  const std::set<std::string> services = state_->with_dependencies(nullptr);
  for (const MadeStack::Container& container : state_->made.containers())
    if (const std::string& service = container.entry.service; services.contains(service))
      entry.members.push_back(
          {container.entry.id, service, dependencies_of(state_->service(service), state_->recorded)});
  return state_->made.hold_starts(entry);
}

Result<> Rebuild::hold_stopped(RunContext& run) {
  StopEntry entry{run.run_id, state_->recorded.name, {}};
  for (const MadeStack::Container& container : state_->made.containers())
    if (container.started) entry.members.push_back({container.entry.id, container.entry.service});
  return entry.members.empty() ? Result<>() : state_->made.hold_stops(entry);
}

Result<> Rebuild::stop(RunContext& run) {
  for (const MadeStack::Container& container : state_->made.containers() | std::views::reverse) {
    if (!container.started) continue;
    TRY(run.check());
    TRY(in_context(state_->engine().stop_container({container.entry.id}, {}),
                   "stop service " + container.entry.service));
  }
  return {};
}

void Rebuild::finish(RunContext& run) { state_->made.keep(run); }
Result<> Rebuild::rollback(RunContext& run) { return state_->made.remove(run); }
void Rebuild::leave() { state_->made.leave(); }

}  // namespace davit::sources
