#pragma once
// Where the server of an item runs during a restore: in its service's container, or, where that doesn't run, in a
// one-off container with the same mounts, on volumes that are made as they were recorded.

#include <optional>
#include <string>

#include "sources/one_off.hpp"
#include "sources/postgres/cluster_entry.hpp"
#include "sources/postgres/made_mounts.hpp"
#include "sources/postgres/server.hpp"
#include "sources/source.hpp"

namespace davit::sources {

// The container that the server of an item has: the present one before the recorded one; null if neither is known.
struct Seating {
  const engine::ContainerInfo* container = nullptr;
  bool running = false;
  bool recorded = false;  // it is the backup's: the stack has none now
};
[[nodiscard]] Seating find_seating(const model::Item& item, const Target& target);

class Seat {
 public:
  // Says in `entry` where the server runs. What is made for a one-off container is recorded in the target's journal,
  // and the entry before the container. Errc::unavailable if the server does not get ready; what was made for it is
  // removed again.
  [[nodiscard]] static Result<Seat> take(helper::Host& host, const model::Item& item, const Target& target,
                                         ClusterEntry& entry, RunContext& run);

  [[nodiscard]] const Server& server() const { return *server_; }
  [[nodiscard]] engine::Engine& engine() const { return *engine_; }
  [[nodiscard]] bool one_off() const { return one_off_.has_value(); }
  // Stops and removes a one-off container, so that the cluster on its volumes is whole.
  [[nodiscard]] Result<> close();
  // The same, and removes the volumes that were made for it.
  [[nodiscard]] Result<> undo(RunContext& run);
  // They stay, as the restore does.
  void keep_volumes(RunContext& run) { mounts_.keep(run); }
  // Leaves everything as it is, the container included.
  void leave();

 private:
  Seat(helper::Host& host, Journal* journal) : engine_(&host.engine()), journal_(journal), mounts_(host, journal) {}
  Result<> start(const engine::ContainerInfo& container, const model::Item& item, const Target& target,
                 ClusterEntry& entry, RunContext& run);

  engine::Engine* engine_;
  std::optional<OneOff> one_off_;
  std::optional<Server> server_;
  Journal* journal_;
  MadeMounts mounts_;
};

}  // namespace davit::sources
