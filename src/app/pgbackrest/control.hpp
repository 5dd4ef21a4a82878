#pragma once
// Ways to stop and start the server of a container while commands are run beside its files.

#include "app/pgbackrest/restore.hpp"
#include "sources/postgres/wrapper.hpp"
#include "util/journal.hpp"

namespace davit::app {

// For an image whose first process is the server: the container is stopped, and a one-off container of the same image
// and mounts, in the same network, stands in for it. The journal lets the container run again if davit dies.
// `engine` and `journal` must outlive it; what it makes goes with it.
[[nodiscard]] Result<ServerControl> control_by_one_off(engine::Engine& engine, const engine::ContainerInfo& container,
                                                       Journal& journal, RunContext& run);

// For a container that davit's wrapper runs: its server is stopped, and the container stays. If davit dies between, it
// stays in maintenance, until somebody settles it.
[[nodiscard]] Result<ServerControl> control_by_wrapper(engine::Engine& engine, const engine::ContainerInfo& container,
                                                       const sources::Wrapper& wrapper, RunContext& run);

// By the wrapper where there is one that answers, else by a one-off container.
[[nodiscard]] Result<ServerControl> control_of(engine::Engine& engine, const engine::ContainerInfo& container,
                                               Journal& journal, RunContext& run);

}  // namespace davit::app
