#pragma once
// The use case of `davit pgbackrest restore`: the whole way from a server that runs, or doesn't, to one that has
// recovered to the point that was asked for; or back to the old one.

#include <optional>
#include <string>

#include "sources/pgbackrest/server_control.hpp"
#include "sources/pgbackrest/target.hpp"

namespace davit::app {

using sources::ServerControl;
using sources::Settled;

struct PhysicalRestoreOptions {
  std::string stanza;
  sources::RestorePoint point = sources::ToEnd{};
  bool delta = false;  // only what differs from the old files is read from the repository
};

struct PhysicalRestoreReport {
  sources::BackupSet set;
  std::optional<std::string> reached;  // the last transaction that was replayed, as the server says it
  std::vector<std::string> warnings;
};

// Everything is checked before anything is touched: Errc::not_found for a set, a stanza or a point that the repository
// doesn't reach, Errc::failed for too little room. What a dead run has left is put right first. After an error behind
// that, the old files are back in place and the server is started, if it ran; where that fails too, the error says what
// is to be done.
[[nodiscard]] Result<PhysicalRestoreReport> restore_physical(ServerControl control,
                                                             const PhysicalRestoreOptions& options, RunContext& run);
// Only puts right what a dead run has left: the restored cluster stays where its server runs; otherwise the old one is
// put back, and its server started.
[[nodiscard]] Result<Settled> settle_physical(ServerControl control, RunContext& run);

}  // namespace davit::app
