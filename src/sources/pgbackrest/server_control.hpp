#pragma once
// The server of a cluster whose files are to be replaced: how it is stopped and started, and what a replacement that
// was broken off has left of it. Who makes one knows the container and its wrapper; whoever uses one needn't.

#include <functional>
#include <optional>
#include <string>

#include "sources/pgbackrest/data_swap.hpp"
#include "util/journal.hpp"

namespace davit::sources {

// Copies are the same server.
struct ServerControl {
  // The cluster, where commands can be run beside it now; nothing has been touched.
  Cluster cluster;
  bool runs = false;
  // No server runs behind it, and commands can be run beside its files, in what it returns.
  std::function<Result<Cluster>(RunContext&)> stop;
  // The server was told to start; returns where it can be asked. Whether it comes up is seen by asking it.
  std::function<Result<Cluster>(RunContext&)> start;
  // In place of `start`: it stays stopped.
  std::function<Result<>(RunContext&)> leave;
  // An error if the server that was started has ended, with what is known of why.
  std::function<Result<>(RunContext&)> check_runs;
  // This davit works in the server's own container, and holds the name of those that do.
  bool inside = false;
};

// Makes one for a container that is there. What must be put right if davit dies between stop() and start() is in the
// journal. Engine and journal must outlive it.
using ControlOf = std::function<Result<ServerControl>(engine::Engine& engine, const engine::ContainerInfo& container,
                                                      Journal& journal, RunContext& run)>;

// As long as the server lives and says that it recovers, however long that takes. Errc::credentials if it takes
// connections, but none of these. Returns the time of the last
// transaction that was replayed, as the server says it; nothing if there was none.
[[nodiscard]] Result<std::optional<std::string>> wait_for_recovery(const ServerControl& control, const Cluster& cluster,
                                                                   RunContext& run);

// From wherever a replacement is: the old files are in place, nothing else is left of it, and, if `start`, their server
// runs and has recovered.
[[nodiscard]] Result<> lead_back(ServerControl& control, bool start, RunContext& run);

// What the hints say where the old cluster could not be put back.
inline constexpr const char* kSettleByHand =
    "run `davit pgbackrest restore --settle`, which puts the old cluster back and starts it";

// Puts right what a dead run has left: a restored cluster whose server runs has transactions by now that are nowhere
// else, so it stays; otherwise the old files are put back, and their server is started. Says so. `control` is at the
// state that it leads to. Errc::locked if a davit inside the container is at work on it.
enum class Settled { nothing, restored, old, old_stopped };
[[nodiscard]] Result<Settled> settle_swap(ServerControl& control, RunContext& run);

}  // namespace davit::sources
