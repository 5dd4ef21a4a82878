#pragma once
// The containers of a stack that the Engine doesn't have, made in the course of a restore: what sources::Rebuild does,
// led back, held and left together with the items.

#include <memory>

#include "app/restorations.hpp"
#include "app/restore_plan.hpp"
#include "sources/rebuild/rebuild.hpp"

namespace davit::app {

// Where nothing is to be made, every function does nothing.
class Rebuilding {
 public:
  // `host` and `target` must outlive it.
  [[nodiscard]] static Result<Rebuilding> of(helper::Host& host, const sources::Target& target, const RestorePlan& plan,
                                             const RestoreOptions& options);
  [[nodiscard]] bool any() const { return rebuild_ != nullptr; }
  // Whether services are started behind the decision.
  [[nodiscard]] bool starts() const { return any() && containers_ == Containers::start; }

  // First of all: images and networks, which fail sooner than a database of an hour.
  [[nodiscard]] Result<> prepare(Restorations& begun, RunContext& run);
  // When volumes and files are in place, and databases restored: not started.
  [[nodiscard]] Result<> make_containers(Restorations& begun, RunContext& run);
  // Those that what comes next is restored through, and what they depend on.
  [[nodiscard]] Result<> start_needed(const RestorePlan& plan, RunContext& run);
  // Behind the decision: all that ran at the backup; or, where they are to stay stopped, those that run are stopped.
  // Errc::cancelled leaves the rest of it to the guard; after any other error nothing is left to be done but by whoever
  // knows the service.
  [[nodiscard]] Result<> start_all(RunContext& run);

 private:
  explicit Rebuilding(Containers containers) : containers_(containers) {}

  Containers containers_;
  std::shared_ptr<sources::Rebuild> rebuild_;
};

}  // namespace davit::app
