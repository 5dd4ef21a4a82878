#include "app/sweep.hpp"

#include "helper/session.hpp"

namespace davit::app {

Result<> sweep_dead_runs(engine::Engine& engine, storage::Storage* storage, RunContext& run) {
  const std::vector<std::string> alive{run.run_id};
  TRY_ASSIGN(containers, helper::sweep(engine, alive));
  for (const std::string& line : containers) run.reporter.note(line);
  if (storage == nullptr) return {};
  TRY_ASSIGN(staging, storage->sweep(alive));
  for (const std::string& line : staging) run.reporter.note(line);
  return {};
}

}  // namespace davit::app
