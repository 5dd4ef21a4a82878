#include "app/rebuilding.hpp"

#include <algorithm>

namespace davit::app {
namespace {

constexpr const char* kWhat = "the stack's containers";

// Ends with the items: what was made goes before the volumes that it has mounted do, so it is added when it is made.
class MadeAnew : public sources::Restoration {
 public:
  enum class Holds { nothing, starts, stops };
  MadeAnew(std::shared_ptr<sources::Rebuild> rebuild, Holds holds) : rebuild_(std::move(rebuild)), holds_(holds) {}
  Result<std::vector<Finding>> stage(const model::Artefact&, stream::ByteSource&, RunContext&) override { return {}; }
  Result<> commit(RunContext&) override { return {}; }
  Result<> hold(RunContext& run) override {
    if (holds_ == Holds::nothing) return {};
    return holds_ == Holds::starts ? rebuild_->hold(run) : rebuild_->hold_stopped(run);
  }
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
  Rebuilding rebuilding(options.containers);
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
  const auto holds = starts() ? MadeAnew::Holds::starts : MadeAnew::Holds::stops;
  begun.add(kWhat, std::make_unique<MadeAnew>(rebuild_, holds));
  return rebuild_->make_containers(run);
}

Result<> Rebuilding::start_needed(const RestorePlan& plan, RunContext& run) {
  const std::vector<std::string> needed = any() ? plan.needed_servers() : std::vector<std::string>();
  if (needed.empty()) return {};
  run.reporter.step("start servers");
  return rebuild_->start([&](std::string_view service) { return std::ranges::contains(needed, service); }, run);
}

Result<> Rebuilding::start_all(RunContext& run) {
  if (!any()) return {};
  if (starts()) run.reporter.step("start services");
  auto done = starts() ? rebuild_->start(nullptr, run) : rebuild_->stop(run);
  if (!done && done.error().code() == Errc::cancelled) return done;
  RunContext last = run.unstoppable();
  rebuild_->finish(last);
  return done;
}

}  // namespace davit::app
