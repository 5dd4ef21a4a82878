#pragma once
// The use case of `davit backup`: one restore point of one stack, whole or not at all.

#include <chrono>
#include <string>
#include <vector>

#include "app/quiesce/plan.hpp"
#include "app/selection.hpp"
#include "app/source_set.hpp"
#include "catalog/catalog.hpp"
#include "engine/engine.hpp"
#include "helper/guard/guard.hpp"
#include "storage/storage.hpp"
#include "util/run_context.hpp"

namespace davit::app {

struct BackupOptions {
  std::string stack;
  Selection selection;
  stream::Encoding encoding;
  std::string davit_version;
  bool consistent = false;     // all who write are held at once
  bool allow_hooks = false;    // commands of the stack's labels may be run
  helper::AcquireGuard guard;  // needed for run_backup only
};

struct BackupPlan {
  sources::Stack stack;
  std::vector<model::Item> items;
  std::vector<model::NotCovered> not_covered;
  std::vector<std::string> needs;
  QuiescePlan quiesce;  // who is held while the items are read
};

struct BackupReport {
  catalog::Entry entry;
  catalog::Manifest manifest;
  std::chrono::milliseconds took{};
};

// Read-only: what a backup would hold, and what not.
[[nodiscard]] Result<BackupPlan> plan_backup(engine::Engine& engine, const SourceSet& sources,
                                             const BackupOptions& options, RunContext& run);

// Plans, dumps every item and publishes. An error means that no backup was made and nothing of the run is left.
[[nodiscard]] Result<BackupReport> run_backup(engine::Engine& engine, storage::Storage& storage,
                                              const SourceSet& sources, const BackupOptions& options, RunContext& run);

}  // namespace davit::app
