#include "app/restore.hpp"

#include <algorithm>
#include <utility>

#include "app/guarded.hpp"
#include "app/rebuilding.hpp"
#include "app/restore_phase.hpp"
#include "app/sweep.hpp"

namespace davit::app {
namespace {

std::vector<ServiceState> states_of(const RestorePlan& plan) {
  std::vector<ServiceState> states;
  for (const sources::Service& was : plan.recorded.services) {
    ServiceState state;
    state.name = was.name;
    state.made = plan.rebuild.makes(was.name);
    state.ran = was.running_container() != nullptr;
    if (const sources::Service* service = plan.present.find_service(was.name)) {
      state.containers = service->containers.size();
      for (const engine::ContainerInfo& container : service->containers) {
        if (container.state.running) ++state.running;
        // Of several, one that isn't healthy is what counts.
        if (container.state.health && (state.health.empty() || state.health == "healthy"))
          state.health = *container.state.health;
      }
    }
    states.push_back(std::move(state));
  }
  return states;
}

// Under the guard: everything from the plan to the new state.
class Work {
 public:
  Work(helper::Host& host, const storage::StorageReader& storage, const SourceSet& sources,
       const RestoreOptions& options, RestorePlan plan, helper::Guard& guard)
      : host_(host),
        options_(options),
        plan_(std::move(plan)),
        guard_(guard),
        target_(target_of(plan_, options, &guard)),
        work_{storage, sources, plan_, target_, begun_, findings_} {}
  Work(Work&&) = delete;

  Result<RestoreReport> carry_out(RunContext& run) {
    TRY_ASSIGN(rebuilding, Rebuilding::of(host_, target_, plan_, options_));
    if (auto made = make_all(rebuilding, run); !made)
      return std::unexpected(begun_.roll_back(std::move(made).error(), run));

    // 8. The new state stands: for all of it at once. Only now the way back is given up, and then the old contents go.
    run.reporter.step("finish");
    TRY(begun_.decide(guard_, run));
    RunContext last = run.unstoppable();
    auto finished = begun_.finish(last);
    if (!finished && begun_.holds_server())
      return std::unexpected(say_unstarted(std::move(finished).error(), rebuilding));

    // 9. Services run again on what was restored. They come behind the decision, as nothing leads back from what an
    //    application does; until they run, the journal has them, and the guard starts them if davit dies. Old contents
    //    that can't be removed keep nobody from running.
    auto started = rebuilding.start_all(run);
    if (!started) started = std::unexpected(say_restored(std::move(started).error()));
    if (!started && started.error().code() == Errc::cancelled)
      return std::unexpected(joined(std::move(started).error(), finished));
    // The guard goes on with what is left, and must find that it was decided.
    if (finished)
      if (auto struck = guard_.strike(kDecided); !struck) run.reporter.note(struck.error().message());
    if (started && rebuilding.any()) started = late_commands(run);
    if (!finished) return std::unexpected(joined(std::move(finished).error(), started));
    TRY(std::move(started));
    if (auto seen = look_again(); !seen) run.reporter.warning(seen.error().message());
    std::vector<ServiceState> states = states_of(plan_);
    return RestoreReport{std::move(plan_), std::move(findings_), std::move(states), {}};
  }

 private:
  // Everything that is led back after an error.
  Result<> make_all(Rebuilding& rebuilding, RunContext& run) {
    // 4. Images and networks of what is made anew. Commands are given nothing that isn't whole.
    TRY(verify_commands(work_, run));
    TRY(rebuilding.prepare(begun_, run));

    // 5. Files and volumes: staged beside the old contents and verified, then put in place. The old ones are kept
    //    aside. They come before the databases, since a server that doesn't run is started on its own volumes and
    //    configuration. Databases are restored under other names, then renamed.
    TRY(stage_and_commit(Phase::places, work_, run));
    TRY(stage_and_commit(Phase::databases, work_, run));

    // 6. Containers, on everything that they mount. From here on the stack is there, and doesn't run.
    TRY(rebuilding.make_containers(begun_, run));

    // 7. What goes in through a running server. Last the commands, from which nothing leads back; those of a stack that
    //    doesn't run yet wait until it does.
    TRY(rebuilding.start_needed(plan_, run));
    if (rebuilding.any()) TRY(look_again());
    TRY(stage_and_commit(Phase::servers, work_, run));
    return rebuilding.any() ? Result<>() : stage_and_commit(Phase::commands, work_, run);
  }

  static Error say_restored(Error error) {
    const bool cancelled = error.code() == Errc::cancelled;
    // Whatever the Engine calls it: what is asked for is done, but for this.
    return std::move(error)
        .as(cancelled ? Errc::cancelled : Errc::failed)
        .context("the backup is restored, but not every service runs")
        .hint_if_none(cancelled ? "its guard starts the others" : "see why, and start them: docker compose up -d");
  }

  // Nobody who reads of what is left should have to find out that nothing runs.
  static Error say_unstarted(Error error, const Rebuilding& rebuilding) {
    if (!rebuilding.starts()) return error;
    return {error.code(), error.message() + "\n  - services are started when that is finished", error.hint()};
  }

  static Error joined(Error error, const Result<>& other) {
    if (other) return error;
    return {error.code(), error.message() + "\n" + other.error().message(),
            error.hint() + (error.hint().empty() || other.error().hint().empty() ? "" : "; ") + other.error().hint()};
  }

  Result<> late_commands(RunContext& run) {
    TRY(look_again());
    Restorations late;
    const PhaseWork work{work_.storage, work_.sources, plan_, target_, late, findings_};
    auto done = stage_and_commit(Phase::commands, work, run);
    if (done) return {};
    return std::unexpected(std::move(done)
                               .error()
                               .context("the backup is restored and its services run, but not everything went in")
                               .hint_if_none("see what the command says, and restore that item again with --only"));
  }

  Result<> look_again() {
    TRY_ASSIGN(present, discover_present(host_.engine(), plan_.manifest.stack));
    plan_.present = std::move(present);
    return {};
  }

  helper::Host& host_;
  const RestoreOptions& options_;
  RestorePlan plan_;
  helper::Guard& guard_;
  const sources::Target target_;  // refers to plan_
  Restorations begun_;
  std::vector<Finding> findings_;
  const PhaseWork work_;
};

}  // namespace

Result<RestoreReport> run_restore(helper::Host& host, const storage::StorageReader& storage, const SourceSet& sources,
                                  const RestoreOptions& options, RunContext& run) {
  const auto began = run.clock.steady();

  // 1. Nothing of a dead run is left.
  TRY(sweep_dead_runs(host.engine(), nullptr, run));

  // 2. Plan. From here on every item and everything that stands in its way is known, and nothing has been touched.
  const auto make_plan = [&](RunContext& planning) -> Result<RestorePlan> {
    planning.reporter.step("plan");
    TRY_ASSIGN(plan, plan_restore(host, storage, sources, options, planning));
    TRY(check_way(plan, options.replace));
    return plan;
  };
  TRY_ASSIGN(plan, make_plan(run));

  // 3. Lock and journal. No other run touches this stack until the guard is released; what one did meanwhile is seen.
  const std::string stack = plan.manifest.stack;
  const auto work = [&](helper::Guard& guard, RunContext& held) -> Result<RestoreReport> {
    if (guard.waited()) {
      TRY_ASSIGN(again, make_plan(held));
      plan = std::move(again);
    }
    return Work(host, storage, sources, options, std::move(plan), guard).carry_out(held);
  };
  TRY_ASSIGN(report, guarded(options.guard, stack, run, work));
  report.took = std::chrono::duration_cast<std::chrono::milliseconds>(run.clock.steady() - began);
  return report;
}

}  // namespace davit::app
