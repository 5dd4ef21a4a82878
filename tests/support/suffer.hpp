#pragma once
// Whole commands in a world in memory, and every fault that may meet them: each call to the Engine, the repository or
// the guard fails once, or loses its answer, or is the last thing that davit does. What it leaves is put right by the
// guard, and by the next command.

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <format>

#include "app/rescue.hpp"
#include "app/sweep.hpp"
#include "support/fake_guard.hpp"
#include "support/faulty_storage.hpp"
#include "support/world.hpp"

namespace davit::test {

enum class Where { engine, storage, guard };
enum class How { fails, loses_answer, dies };

struct Fault {
  Where where = Where::engine;
  How how = How::fails;
  std::uint64_t at = 0;
  [[nodiscard]] std::string text() const {
    return std::format("{} {} {}",
                       where == Where::engine    ? "engine"
                       : where == Where::storage ? "storage"
                                                 : "guard",
                       how == How::fails          ? "fails at"
                       : how == How::loses_answer ? "loses the answer of"
                                                  : "is the last at",
                       at);
  }
};

using Command = Result<> (*)(World&, Davit&, storage::Storage&, GuardState&);

struct Outcome {
  Fault fault;
  bool reached = false;  // the fault has happened
  Result<> result;
};

// As a run's own guard, once it has no davit any more.
inline void rescue_run(World& world, const std::string& run_id, const GuardState& guard) {
  Davit davit(world);
  const app::RescueReport report = app::rescue(davit.host, guard.entries, std::chrono::hours(1), davit.run);
  CHECK(report.failed.empty());
  CHECK(report.settled.size() == guard.entries.size());
  CHECK(app::clear_run(world.engine, run_id));
}

// Runs the command with the fault. Then the guard puts right what it holds, and another command clears away the rest.
inline Outcome suffer(World& world, const Fault& fault, Command command) {
  const bool dies = fault.how == How::dies;
  const bool after = fault.how == How::loses_answer;
  const auto at = [&](Where where) { return fault.where == where ? fault.at : 0; };
  Outcome outcome{.fault = fault, .result = {}};
  Faults of_storage;
  of_storage.fail_at = at(Where::storage);
  of_storage.after_effect = after;
  of_storage.dead_after = dies;
  FaultyStorage storage(*world.storage, of_storage);
  GuardState guard;
  std::uint64_t asked = 0;
  // A guard that has failed once is lost, and davit with it if it is that which dies.
  const auto lose = [&]() -> Result<> {
    outcome.reached = true;
    guard.lost.request_stop();
    if (dies) {
      world.engine.die();
      storage.die();
    }
    return fail(Errc::failed, "the fault of the test");
  };
  guard.fault = [&](std::string_view) { return ++asked == at(Where::guard) && !after ? lose() : Result<>(); };
  guard.fault_behind = [&](std::string_view) { return asked == at(Where::guard) && after ? lose() : Result<>(); };
  storage.on_death([&] {
    world.engine.die();
    guard.lost.request_stop();
  });
  world.engine.on_death = [&] {
    storage.die();
    guard.lost.request_stop();
  };
  std::string run_id;
  {
    Davit davit(world);
    run_id = davit.run.run_id;
    world.engine.set_faults({.fail_at = at(Where::engine), .after_effect = after, .dead_after = dies});
    outcome.result = command(world, davit, storage, guard);
    if (fault.where == Where::engine) outcome.reached = world.engine.failed();
    if (fault.where == Where::storage) outcome.reached = storage.failed();
  }
  world.engine.set_faults({});
  world.engine.on_death = nullptr;
  if (!guard.entries.empty()) rescue_run(world, run_id, guard);
  Davit next(world);
  const auto swept = app::sweep_dead_runs(world.engine, world.storage.get(), next.run);
  if (!swept) FAIL("the next command: " << swept.error().message());
  return outcome;
}

// Tries a fault at every place where it can happen: each kind in turn or all of them where
// there is time (DAVIT_MODEL_ALL). `part` of `parts`: every so many-th place, so that cases run side by side. `begin`
// makes the world as it is before each, and `check` says what is wrong behind it; empty: nothing.
// `same`: what runs and what there is must be the same behind it; otherwise that is `check`'s to say.
template <class Begin, class Check>
void suffer_all(World& world, Command command, Begin begin, Check check, std::uint64_t part = 0,
                std::uint64_t parts = 1, bool same = true) {
  const bool all = std::getenv("DAVIT_MODEL_ALL") != nullptr;
  constexpr std::array kKinds{How::dies, How::fails, How::loses_answer};
  int bad = 0;
  for (const Where where : {Where::engine, Where::storage, Where::guard}) {
    for (const How first : kKinds) {
      if (!all && first != How::dies) break;
      for (Fault fault{where, first, part + 1};; fault.at += parts) {
        if (!all) fault.how = kKinds.at(fault.at / parts % kKinds.size());
        begin();
        const std::string state = world.state();
        const Outcome outcome = suffer(world, fault, command);
        if (!outcome.reached) {
          INFO((outcome.result ? "" : outcome.result.error().message()));
          CHECK(outcome.result);
          break;
        }
        INFO(fault.text() << ": " << (outcome.result ? "it succeeded" : outcome.result.error().message()));
        if (same) CHECK(world.state() == state);
        const std::string problem = check(outcome);
        CHECK(problem == "");
        if ((same && world.state() != state) || !problem.empty()) ++bad;
        REQUIRE(bad < 5);
      }
    }
  }
}

}  // namespace davit::test
