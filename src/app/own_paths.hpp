#pragma once
// Where on the Engine's host the repository lies: a backup must not hold the backups, nor go with davit.

#include <optional>
#include <string>

#include "engine/engine.hpp"
#include "helper/session.hpp"

namespace davit::app {

// The path on the Engine's host of `path`, which is one of this process. Of a container of ours it is found through its
// mounts; nothing if it is in no mount. `self` names the container, where it can't be found out; empty otherwise.
[[nodiscard]] Result<std::optional<std::string>> path_on_host(engine::Engine& engine, const std::string& self,
                                                              const std::string& path);

// The other way round: the path by which this process sees `path` of the Engine's host, whether it exists or not.
// Nothing if it doesn't: davit's container has it in no mount, or the Engine is on another machine.
[[nodiscard]] Result<std::optional<std::string>> path_here(engine::Engine& engine, const std::string& self,
                                                           const std::string& path);

// Errc::usage if that directory lies in a container of ours, in none of its mounts: it would go with the container.
[[nodiscard]] Result<> check_outlives_container(engine::Engine& engine, const std::string& self,
                                                const std::string& path);

// The same without an Engine, as far as this process sees: whether what is written there is written into a container.
[[nodiscard]] bool lies_in_container(const std::string& path);

// What that directory or file is to the Engine's host; nothing where it isn't there yet, or the Engine is on another
// machine.
[[nodiscard]] std::optional<helper::DirectoryId> directory_id(const engine::Engine& engine, const std::string& path);

}  // namespace davit::app
