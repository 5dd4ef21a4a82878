#include "app/sweep.hpp"

#include <format>
#include <set>

#include "app/owner.hpp"
#include "helper/guard/guard.hpp"
#include "helper/guard/guard_spec.hpp"
#include "helper/session.hpp"
#include "sources/one_off.hpp"

namespace davit::app {
namespace {

std::string run_of(const engine::Labels& labels) {
  const auto run = labels.find(engine::kRunLabel);
  return run == labels.end() ? std::string() : run->second;
}

// The runs that have a guard: what they made is theirs, or their guard's.
Result<std::set<std::string>> guarded_runs(engine::Engine& engine) {
  TRY_ASSIGN(guards,
             engine.list_containers(
                 {.all = true, .labels = {std::format("{}={}", engine::kRoleLabel, helper::kGuardRole)}, .names = {}}));
  std::set<std::string> runs;
  for (const engine::ContainerSummary& guard : guards) runs.insert(run_of(guard.labels));
  return runs;
}

Result<> sweep_containers(engine::Engine& engine, const engine::IsAlive& is_alive, Reporter* reporter) {
  TRY_ASSIGN(helpers, helper::sweep(engine, is_alive));
  TRY_ASSIGN(one_offs, sources::sweep_one_offs(engine, is_alive));
  if (reporter == nullptr) return {};
  for (const std::string& line : helpers) reporter->note(line);
  for (const std::string& line : one_offs) reporter->note(line);
  return {};
}

// A guard that can't put everything right is told of, and keeps only runs on its own stack from working.
Result<> repair_dead_runs(engine::Engine& engine, RunContext& run) {
  auto repaired = helper::repair(engine, owner_is_alive(engine), run);
  if (repaired || repaired.error().code() != Errc::failed) return repaired;
  const std::string& hint = repaired.error().hint();
  run.reporter.warning(repaired.error().message() + (hint.empty() ? "" : "\nhint: " + hint));
  return {};
}

}  // namespace

Result<> sweep_staging(storage::Storage& storage, const RunContext& run) {
  TRY_ASSIGN(swept, storage.sweep({run.run_id}));
  for (const std::string& line : swept) run.reporter.note("removed what a dead run had staged: " + line);
  return {};
}

Result<> sweep_dead_runs(engine::Engine& engine, storage::Storage* storage, RunContext& run) {
  TRY(repair_dead_runs(engine, run));
  TRY_ASSIGN(guarded, guarded_runs(engine));
  const auto is_alive = [&guarded, owner = owner_is_alive(engine)](const engine::Labels& labels) -> Result<bool> {
    if (guarded.contains(run_of(labels))) return true;
    return owner(labels);
  };
  TRY(sweep_containers(engine, is_alive, &run.reporter));
  if (storage == nullptr) return {};
  return sweep_staging(*storage, run);
}

Result<> clear_run(engine::Engine& engine, const std::string& run_id) {
  return sweep_containers(
      engine, [&run_id](const engine::Labels& labels) -> Result<bool> { return run_of(labels) != run_id; }, nullptr);
}

}  // namespace davit::app
