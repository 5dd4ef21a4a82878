#pragma once
// A one-off container beside the files of a database container that is stopped; and what the journal says of files that
// change places in it, put right after davit's death (docs/guard.md, the kind `swap`).

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "sources/one_off.hpp"
#include "util/run_context.hpp"

namespace davit::app {

// Of the same image, mounts and network; it does nothing by itself. Errors as of sources::OneOff::start().
[[nodiscard]] Result<sources::OneOff> make_stand_in(engine::Engine& engine, const engine::ContainerInfo& container,
                                                    RunContext& run);

// The entry of a restore by run `run`, and its key. It stands behind that of the container, which is held.
[[nodiscard]] std::string key_of_swap(const engine::ContainerInfo& container);
[[nodiscard]] nlohmann::json entry_of_swap(const engine::ContainerInfo& container, const std::string& run);

// Where files of both clusters are in place, so that no server starts on them, the old ones are put back. Everything
// else is left to the next restore, and to whoever starts the container. Lines for the user; an error means that it is
// to be tried again.
[[nodiscard]] Result<std::vector<std::string>> put_back_swap(engine::Engine& engine, const nlohmann::json& entry,
                                                             RunContext& run);

}  // namespace davit::app
