#pragma once
// Making a volume of a backup anew, so that Compose takes it for its own: same name, driver and options, labels
// verbatim.

#include <functional>
#include <optional>
#include <string>

#include "engine/engine.hpp"
#include "sources/stack.hpp"

namespace davit::sources {

// The directory of the host that a volume is, by its options: the local driver mounts what it is told to ("o":
// "bind,rw", "device": "/srv/shop/data"), and makes nothing. Nothing for any other volume.
[[nodiscard]] std::optional<std::string> bound_directory(const engine::VolumeInfo& volume);

// Makes the volume `recorded` if the Engine has none of its name. True if it was made by this call: whoever undoes
// removes it. `before` is called when it is about to be made.
[[nodiscard]] Result<bool> make_volume(engine::Engine& engine, const engine::VolumeInfo& recorded,
                                       const std::function<Result<>()>& before);

}  // namespace davit::sources
