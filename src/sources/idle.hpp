#pragma once
// A one-off container that does nothing by itself, for commands that are run beside a service's files.

#include <string>
#include <vector>

#include "sources/one_off.hpp"

namespace davit::sources {

// Waits for nothing but its end.
[[nodiscard]] inline std::vector<std::string> idle_entrypoint() {
  return {"sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"};
}

[[nodiscard]] inline Result<bool> ready_at_once(const engine::ContainerId& /*unused*/) { return true; }

}  // namespace davit::sources
