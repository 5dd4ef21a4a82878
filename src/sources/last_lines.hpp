#pragma once
// What a container has logged last, for messages about it.

#include <string>

#include "engine/engine.hpp"

namespace davit::sources {

// "its last lines:", and each on a line of its own; or that it has logged nothing, or why its log can't be read.
[[nodiscard]] std::string last_lines(engine::Engine& engine, const engine::ContainerId& container);

}  // namespace davit::sources
