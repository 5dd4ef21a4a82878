#pragma once
// What a restore has made of a stack is put right: by the guard of a dead run, or by the run itself when it leads back.
// What is right already is left alone, and every function may run again. Each gives lines for the user.

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "sources/rebuild/rebuild_entry.hpp"
#include "util/run_context.hpp"

namespace davit::sources {

// Removes the container of the entry, also if it runs, with the volumes that the Engine has made for it. One of that
// name that isn't the one that was made stays.
[[nodiscard]] Result<std::vector<std::string>> undo_container(engine::Engine& engine, const ContainerEntry& entry,
                                                              RunContext& run);
// Removes the network of the entry. One that somebody uses by now stays.
[[nodiscard]] Result<std::vector<std::string>> undo_network(engine::Engine& engine, const NetworkEntry& entry,
                                                            RunContext& run);
// Gives a tag back.
[[nodiscard]] Result<std::vector<std::string>> undo_tag(engine::Engine& engine, const TagEntry& entry);

// The entries of the kinds "network", "container" and "tag" of a dead run: as above, unless the restore was decided.
[[nodiscard]] Result<std::vector<std::string>> settle_made(engine::Engine& engine, const nlohmann::json& entry,
                                                           bool decided, RunContext& run);
// "start": where the restore was decided, what was never started is, as soon as what it depends on is ready.
// Errc::unavailable: it has to wait, and is to be asked again. Five minutes after the first time (`waited`) it starts
// the rest all the same, and says so.
[[nodiscard]] Result<std::vector<std::string>> settle_start(engine::Engine& engine, const nlohmann::json& entry,
                                                            bool decided, std::chrono::milliseconds waited,
                                                            RunContext& run);
// "stop": where the restore was decided, what runs of the entry is stopped, the last that was started first.
[[nodiscard]] Result<std::vector<std::string>> settle_stop(engine::Engine& engine, const nlohmann::json& entry,
                                                           bool decided);

}  // namespace davit::sources
