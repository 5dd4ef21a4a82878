#pragma once
// The containers of a service as they are now: they may have been made anew since the stack was looked at.

#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace davit::app {

struct ServiceContainer {
  engine::ContainerId id;
  std::string name;
  int number = 0;     // Compose's
  std::string state;  // "running", "paused", "restarting", "exited" …
};
// By number. Those of `docker compose run` are not among them.
[[nodiscard]] Result<std::vector<ServiceContainer>> containers_of_service(engine::Engine& engine,
                                                                          const std::string& project,
                                                                          const std::string& service);

}  // namespace davit::app
