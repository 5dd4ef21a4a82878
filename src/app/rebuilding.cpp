#include "app/rebuilding.hpp"

#include <algorithm>
#include <ranges>

#include "app/quiesce/service_containers.hpp"

namespace davit::app {
namespace {

constexpr const char* kWhat = "the stack's containers";

// Ends with the items: what was made goes before the volumes that it has mounted do, so it is added when it is made.
class MadeAnew : public sources::Restoration {
 public:
  enum class Holds { nothing, starts };
  MadeAnew(std::shared_ptr<sources::Rebuild> rebuild, Holds holds) : rebuild_(std::move(rebuild)), holds_(holds) {}
  Result<std::vector<Finding>> stage(const model::Artefact&, stream::ByteSource&, RunContext&) override { return {}; }
  Result<> commit(RunContext&) override { return {}; }
  Result<> hold(RunContext& run) override { return holds_ == Holds::starts ? rebuild_->hold(run) : Result<>(); }
  Result<> seal(RunContext&) override { return {}; }
  Result<> finish(RunContext&) override { return {}; }
  Result<> rollback(RunContext& run) override { return rebuild_->rollback(run); }
  void leave() override { rebuild_->leave(); }

 private:
  std::shared_ptr<sources::Rebuild> rebuild_;
  Holds holds_;
};

}  // namespace

Result<Rebuilding> Rebuilding::of(helper::Host& host, const sources::Target& target, const RestorePlan& plan,
                                  const RestoreOptions& options) {
  Rebuilding rebuilding(host, options.containers);
  rebuilding.project_ = plan.manifest.stack;
  if (plan.rebuild.empty()) return rebuilding;
  TRY_ASSIGN(rebuild_options, rebuild_options_of(plan, options));
  rebuilding.rebuild_ = std::make_shared<sources::Rebuild>(host, target, plan.rebuild, std::move(rebuild_options));
  return rebuilding;
}

Result<> Rebuilding::prepare(Restorations& begun, RunContext& run) {
  if (!any()) return {};
  run.reporter.step("bring images and networks");
  begun.add("images and networks", std::make_unique<MadeAnew>(rebuild_, MadeAnew::Holds::nothing));
  TRY(rebuild_->bring_images(run));
  return rebuild_->make_networks(run);
}

Result<> Rebuilding::make_containers(Restorations& begun, RunContext& run) {
  if (!any()) return {};
  run.reporter.step("make containers");
  const auto holds = containers_ == Containers::start ? MadeAnew::Holds::starts : MadeAnew::Holds::nothing;
  begun.add(kWhat, std::make_unique<MadeAnew>(rebuild_, holds));
  return rebuild_->make_containers(run);
}

Result<> Rebuilding::start_needed(const RestorePlan& plan, RunContext& run) {
  const std::vector<std::string> needed = any() ? plan.needed_servers() : std::vector<std::string>();
  if (needed.empty()) return {};
  run.reporter.step("start servers");
  const auto runs = [&](const std::string& service) -> Result<bool> {
    TRY_ASSIGN(containers, containers_of_service(host_->engine(), project_, service));
    return std::ranges::any_of(containers, [](const ServiceContainer& each) { return each.state == "running"; });
  };
  TRY(rebuild_->start([&](std::string_view service) { return std::ranges::contains(needed, service); }, run));
  if (containers_ == Containers::start) return {};
  // What they depend on was started along.
  for (const std::string& service : rebuild_->plan().services) {
    TRY_ASSIGN(running, runs(service));
    if (running) started_.push_back(service);
  }
  return {};
}

Result<> Rebuilding::stop_started(RunContext& run) {
  for (const std::string& service : started_ | std::views::reverse) {
    TRY(run.check());
    TRY_ASSIGN(containers, containers_of_service(host_->engine(), project_, service));
    for (const ServiceContainer& container : containers)
      TRY(in_context(host_->engine().stop_container(container.id, {}), "stop service " + service));
  }
  return {};
}

Result<> Rebuilding::start_all(RunContext& run) {
  if (!any()) return {};
  auto done = Result<>();
  if (containers_ == Containers::start) {
    run.reporter.step("start services");
    done = rebuild_->start(nullptr, run);
    if (!done && done.error().code() == Errc::cancelled) return done;
  } else {
    done = stop_started(run);
  }
  RunContext last = run.unstoppable();
  rebuild_->finish(last);
  return done;
}

}  // namespace davit::app
