#pragma once
// Making a stack anew on an Engine that doesn't have it, or that lacks some of its services: images, networks, volumes
// and containers as the backup recorded them, with the labels by which Compose knows them.
//
// The order in a restore: plan_rebuild() with the plan, bring_images() and make_networks() first of all, then places
// and databases, then make_containers(), start() for what is restored through running servers, then the decision, and
// start() for the rest.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "helper/session.hpp"
#include "sources/rebuild/images.hpp"
#include "sources/rebuild/moved_paths.hpp"
#include "sources/rebuild/start_order.hpp"
#include "sources/source.hpp"

namespace davit::sources {

struct RebuildOptions {
  MovedPaths moved = {};
  // Services of the record that may be made; null: all. Of these, only those are that the Engine has no container of.
  std::function<bool(std::string_view service)> takes = {};
  // What this restore brings back itself before containers are made: it needn't be there now. Null: nothing.
  std::function<bool(const std::string& volume)> restores_volume = {};
  std::function<bool(const std::string& path)> restores_path = {};  // on the new host
  // Where the Engine may make an empty directory that containers mount, as it would for Compose; on the new host.
  std::function<bool(const std::string& path)> may_make = {};
  // Which are started when all are; null: those that were at work when they were recorded.
  std::function<bool(std::string_view service)> starts = {};
  std::chrono::seconds ready_within{300};  // for each service, and the start period of its health check besides
};

struct RebuildPlan {
  std::vector<std::string> services;    // whose containers are made, in order of their start
  std::vector<std::string> containers;  // their names
  std::vector<std::string> networks;    // that are made
  std::vector<std::string> volumes;     // of the project that are made empty: no item of the restore brings them
  std::vector<ImageStep> images;
  std::vector<Conflict> conflicts;  // what stands in the way or is missing
  std::vector<std::string> notes;   // what the user should know: "docker compose up -d will recreate …"

  [[nodiscard]] bool empty() const { return services.empty(); }
  [[nodiscard]] bool makes(std::string_view service) const;
};

// Read-only but for what the checks of a helper need. Empty if the Engine has containers of every service. Errc::usage
// for dependencies in a circle.
[[nodiscard]] Result<RebuildPlan> plan_rebuild(helper::Host& host, const Target& target, const RebuildOptions& options,
                                               RunContext& run);

// REQUIRES: the plan has no conflict that stands in the way; `target` outlives it; for all but bring_images() a journal
// (without one, nobody removes what a death of davit leaves).
class Rebuild {
 public:
  Rebuild(helper::Host& host, const Target& target, RebuildPlan plan, RebuildOptions options);
  ~Rebuild();
  Rebuild(Rebuild&&) noexcept;
  Rebuild& operator=(Rebuild&&) noexcept;

  // Pulls what is missing and tags it. Pulled images stay, whatever becomes of the restore; a tag that another image
  // had is given back by rollback().
  [[nodiscard]] Result<> bring_images(RunContext& run);
  // Those of the project that are missing.
  [[nodiscard]] Result<> make_networks(RunContext& run);
  // The volumes that are still missing, and the containers: connected to their networks, not started.
  // REQUIRES: bring_images(), make_networks(), and the items that are places are in place.
  [[nodiscard]] Result<> make_containers(RunContext& run);
  // Starts the services of the plan that `wanted` says (null: all that are to be started), those first that they depend
  // on, each when its dependencies are as it needs them; then waits until all of these are healthy. What runs already
  // is left alone. One that fails keeps none from being started but those that wait for it; the error names each, with
  // what wait_until_ready() says. Errc::cancelled at once. May be called again.
  [[nodiscard]] Result<> start(const std::function<bool(std::string_view service)>& wanted, RunContext& run);
  // Before the decision: from here on the death of davit starts what isn't started yet, once it was decided.
  [[nodiscard]] Result<> hold(RunContext& run);
  // Or, where services are to stay stopped, stops what was started.
  [[nodiscard]] Result<> hold_stopped(RunContext& run);
  // Stops what start() has started, the last first.
  [[nodiscard]] Result<> stop(RunContext& run);
  // Behind the decision, when everything is started, or can't be: strikes its entries.
  void finish(RunContext& run);
  // Removes what was made, containers that run included, in reverse order. An error names what is left.
  [[nodiscard]] Result<> rollback(RunContext& run);
  // Leaves everything as it is to whoever reads the journal.
  void leave();

  [[nodiscard]] const RebuildPlan& plan() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace davit::sources
