#pragma once
// Bringing back a cluster as files: the new one is made whole beside the old one, while that still runs; then its
// server is stopped, the files change places (data_swap.hpp), and the server starts and recovers. The old files stay
// until it was decided.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sources/basebackup/lone_server.hpp"
#include "sources/basebackup/physical_entry.hpp"
#include "sources/postgres/made_mounts.hpp"
#include "sources/source.hpp"

namespace davit::sources {

// How the files of the new cluster come into their directories.
struct ClusterFill {
  std::vector<Tablespace> tablespaces = {};
  std::uint64_t bytes = 0;      // that it will have, roughly
  bool keeps_timeline = false;  // its server goes on in the timeline of the backup
  // Reads `plain` to its end. `data`: the directory of the new cluster, which is empty.
  std::function<Result<>(const Cluster& cluster, const std::string& data, stream::ByteSource& plain, RunContext& run)>
      fill = {};
};

class ClusterRestoration : public Restoration {
 public:
  // Where the cluster is, and how its server is stopped and started.
  struct Place {
    ServerControl control;
    std::shared_ptr<LoneServer> lone = {};  // of a service that doesn't run
    std::optional<MadeMounts> mounts = {};  // that were made for it
  };
  // Leads back first what a dead run has left. Errc::failed, and nothing was touched, where there is no room.
  [[nodiscard]] static Result<std::unique_ptr<Restoration>> begin(Place place, ClusterFill fill, PhysicalEntry entry,
                                                                  Journal& journal, RunContext& run);

  Result<std::vector<Finding>> stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                     RunContext& run) override;
  Result<> commit(RunContext& run) override;
  Result<> hold(RunContext&) override { return {}; }
  Result<> seal(RunContext&) override { return {}; }
  Result<> finish(RunContext& run) override;
  Result<> rollback(RunContext& run) override;
  void leave() override;

 private:
  ClusterRestoration(Place place, ClusterFill fill, PhysicalEntry entry, Journal& journal)
      : place_(std::move(place)), fill_(std::move(fill)), entry_(std::move(entry)), journal_(journal) {}
  Result<> prepare(RunContext& run);
  Result<> undo_mounts(RunContext& run);

  Place place_;
  ClusterFill fill_;
  PhysicalEntry entry_;
  Journal& journal_;
};

// The container of the item's service, present or recorded: its control, with everything made that it needs.
[[nodiscard]] Result<ClusterRestoration::Place> take_place(helper::Host& host, const model::Item& item,
                                                           const Target& target, const ControlOf& control_of,
                                                           const std::string& network, PhysicalEntry& entry,
                                                           RunContext& run);

// What an item that is a base backup says of itself, and its fill.
[[nodiscard]] Result<ClusterFill> fill_from_base(const model::Item& item);
// The attributes by which an item names its tablespaces: "tablespace.NAME" and "oid.NAME".
[[nodiscard]] std::vector<Tablespace> tablespaces_of(const model::Item& item);

}  // namespace davit::sources
