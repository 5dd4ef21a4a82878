#pragma once
// The plan of a restore: everything that it will do and everything that stands in its way, before anything is touched.

#include <string>
#include <vector>

#include "app/selection.hpp"
#include "app/source_set.hpp"
#include "catalog/catalog.hpp"
#include "helper/guard/guard.hpp"
#include "helper/session.hpp"
#include "sources/rebuild/rebuild.hpp"
#include "storage/storage.hpp"
#include "util/run_context.hpp"

namespace davit::app {

// What becomes of services that the Engine has no container of.
enum class Containers {
  start,  // made as they were, and started as soon as everything is in place, if they ran at the backup
  make,   // made, and left stopped
  leave,  // not made
};

struct RestoreOptions {
  std::string stack;   // may be empty where the repository holds one stack only
  std::string backup;  // id, a beginning of one, or "latest"
  Selection selection;
  std::string root;  // where the project's directory goes: an absolute path of the Engine's host; empty: where it was
  // A restore of chosen items (Selection::only) makes no containers, whatever this says.
  Containers containers = Containers::start;
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
  std::string project_dir;       // where it goes
  sources::MovedPaths moved;     // where paths below the old one go
  sources::Stack recorded;       // the stack as it was, at the place that it goes to
  sources::Stack present;        // what the Engine has of it now
  sources::RebuildPlan rebuild;  // what the Engine lacks of it, and is made
  std::vector<RestoreStep> steps;
  std::vector<std::string> left_out;  // items of the backup that are not restored

  // Everything that stands in the way of an item or of the containers.
  [[nodiscard]] std::vector<sources::Conflict> conflicts() const;
  // Those that do so under these options, as lines.
  [[nodiscard]] std::vector<std::string> blocking(bool replace) const;
  // Whether this restore makes that service, it ran at the backup, and nothing that it depends on is there and doesn't
  // run.
  [[nodiscard]] bool starts(std::string_view service) const;
  // Services that must run so that an item can be restored through them, of those that this restore makes.
  [[nodiscard]] std::vector<std::string> needed_servers() const;

 private:
  [[nodiscard]] bool waits(const sources::Service& service) const;
};

// Read-only but for what the checks of a helper need: every artefact is there with its length, versions, space and
// conflicts are known.
[[nodiscard]] Result<RestorePlan> plan_restore(helper::Host& host, const storage::StorageReader& storage,
                                               const SourceSet& sources, const RestoreOptions& options,
                                               RunContext& run);

// Errc::exists if something stands in the way under these options, naming every conflict.
[[nodiscard]] Result<> check_way(const RestorePlan& plan, bool replace);

// What the sources work with. It refers to `plan` and `options`, which must outlive it.
[[nodiscard]] sources::Target target_of(const RestorePlan& plan, const RestoreOptions& options, Journal* journal);

// What plan.rebuild was planned with. It refers to `plan`, which must outlive it.
[[nodiscard]] Result<sources::RebuildOptions> rebuild_options_of(const RestorePlan& plan,
                                                                 const RestoreOptions& options);

// What the Engine has of the stack now. That it knows nothing of it is an ordinary case: everything was destroyed.
[[nodiscard]] Result<sources::Stack> discover_present(engine::Engine& engine, const std::string& name);

}  // namespace davit::app
