#include "app/restore.hpp"

#include <utility>

#include "app/guarded.hpp"
#include "app/restore_phase.hpp"
#include "app/sweep.hpp"

namespace davit::app {
namespace {

// Under the guard: everything from the plan to the new state.
Result<RestoreReport> carry_out(const storage::StorageReader& storage, const SourceSet& sources,
                                const RestoreOptions& options, RestorePlan plan, helper::Guard& guard,
                                RunContext& run) {
  // 4. Files and volumes: staged beside the old contents and verified, then put in place. The old ones are kept aside.
  //    They come before the databases, since a server that doesn't run is started on its own volumes and configuration.
  // 5. Databases: restored under other names, then renamed. Last the commands, from which nothing leads back.
  const sources::Target target = target_of(plan, options, &guard);
  Restorations begun;
  std::vector<Finding> findings;
  const PhaseWork work{storage, sources, plan, target, begun, findings};
  for (const Phase phase : {Phase::places, Phase::databases, Phase::servers, Phase::commands})
    if (auto done = stage_and_commit(phase, work, run); !done)
      return std::unexpected(begun.roll_back(std::move(done).error(), run));

  // 6. The new state stands: for all of them at once. Only now the way back is given up, and then the old contents go.
  run.reporter.step("finish");
  TRY(begun.decide(guard, run));
  RunContext last = run.unstoppable();
  TRY(begun.finish(last));
  if (auto struck = guard.strike(kDecided); !struck) run.reporter.note(struck.error().message());
  return RestoreReport{std::move(plan), std::move(findings), {}};
}

}  // namespace

Result<RestoreReport> run_restore(engine::Engine& engine, const storage::StorageReader& storage,
                                  const SourceSet& sources, const RestoreOptions& options, RunContext& run) {
  const auto began = run.clock.steady();

  // 1. Nothing of a dead run is left.
  TRY(sweep_dead_runs(engine, nullptr, run));

  // 2. Plan. From here on every item and everything that stands in its way is known, and nothing has been touched.
  const auto make_plan = [&](RunContext& planning) -> Result<RestorePlan> {
    planning.reporter.step("plan");
    TRY_ASSIGN(plan, plan_restore(engine, storage, sources, options, planning));
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
    return carry_out(storage, sources, options, std::move(plan), guard, held);
  };
  TRY_ASSIGN(report, guarded(options.guard, stack, run, work));
  report.took = std::chrono::duration_cast<std::chrono::milliseconds>(run.clock.steady() - began);
  return report;
}

}  // namespace davit::app
