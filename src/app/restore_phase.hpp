#pragma once
// A restore goes in phases: what a later one restores may need what an earlier one has put in place.

#include <vector>

#include "app/restorations.hpp"
#include "app/restore_plan.hpp"
#include "util/finding.hpp"

namespace davit::app {

enum class Phase {
  places,     // volumes, bind mounts, files: a server that doesn't run is started on its own volumes and configuration
  databases,  // restored under other names, then renamed
  servers,    // what goes in through the running service itself: it is started for that, if this restore made it
  commands,   // last, since nothing leads back from them
};
[[nodiscard]] Phase phase_of(const model::Item& item);

// What a phase works with.
struct PhaseWork {
  const storage::StorageReader& storage;
  const SourceSet& sources;
  const RestorePlan& plan;
  const sources::Target& target;
  Restorations& begun;             // restorations of this phase are added
  std::vector<Finding>& findings;  // what they have found, too
};

// A command takes what it is given as it comes: so it gets nothing that isn't whole, and nothing is touched before that
// is known. Errc::corrupt.
[[nodiscard]] Result<> verify_commands(const PhaseWork& work, RunContext& run);

// Stages and commits the steps of `phase`: all are staged before the first is committed, so a damaged artefact is found
// while nothing of it has changed yet. After an error `begun` is to be rolled back.
[[nodiscard]] Result<> stage_and_commit(Phase phase, const PhaseWork& work, RunContext& run);

}  // namespace davit::app
