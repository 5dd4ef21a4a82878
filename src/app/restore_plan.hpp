#pragma once
// The plan of a restore: everything that it will do and everything that stands in its way, before anything is touched.

#include <string>
#include <vector>

#include "app/selection.hpp"
#include "app/source_set.hpp"
#include "catalog/catalog.hpp"
#include "engine/engine.hpp"
#include "helper/guard/guard.hpp"
#include "storage/storage.hpp"
#include "util/run_context.hpp"

namespace davit::app {

struct RestoreOptions {
  std::string stack;   // may be empty where the repository holds one stack only
  std::string backup;  // id, a beginning of one, or "latest"
  Selection selection;
  bool replace = false;               // overwrite what holds data
  bool allow_version_change = false;  // onto other images, and onto a newer server
  helper::AcquireGuard guard;         // needed for run_restore only
};

struct RestoreStep {
  model::Item item;
  std::vector<sources::Conflict> conflicts;
};

struct RestorePlan {
  catalog::Entry entry;
  catalog::Manifest manifest;
  sources::Stack recorded;  // the stack as it was
  sources::Stack present;   // what the Engine has of it now
  std::vector<RestoreStep> steps;
  std::vector<std::string> left_out;  // items of the backup that are not restored

  // Conflicts that stand in the way under these options, as lines.
  [[nodiscard]] std::vector<std::string> blocking(bool replace) const;
};

// Read-only but for what the checks of a helper need: every artefact is there with its length, versions, space and
// conflicts are known.
[[nodiscard]] Result<RestorePlan> plan_restore(engine::Engine& engine, const storage::StorageReader& storage,
                                               const SourceSet& sources, const RestoreOptions& options,
                                               RunContext& run);

// Errc::exists if something stands in the way under these options, naming every conflict.
[[nodiscard]] Result<> check_way(const RestorePlan& plan, bool replace);

// What the sources work with. It refers to `plan` and `options`, which must outlive it.
[[nodiscard]] sources::Target target_of(const RestorePlan& plan, const RestoreOptions& options, Journal* journal);

}  // namespace davit::app
