#include "app/sweep.hpp"

#include "app/owner.hpp"
#include "helper/session.hpp"
#include "sources/one_off.hpp"

namespace davit::app {

Result<> sweep_dead_runs(engine::Engine& engine, storage::Storage* storage, RunContext& run) {
  const engine::IsAlive is_alive = owner_is_alive(engine);
  TRY_ASSIGN(helpers, helper::sweep(engine, is_alive));
  for (const std::string& line : helpers) run.reporter.note(line);
  TRY_ASSIGN(one_offs, sources::sweep_one_offs(engine, is_alive));
  for (const std::string& line : one_offs) run.reporter.note(line);
  if (storage == nullptr) return {};
  TRY_ASSIGN(staging, storage->sweep({run.run_id}));
  for (const std::string& line : staging) run.reporter.note(line);
  return {};
}

}  // namespace davit::app
