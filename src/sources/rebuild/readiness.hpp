#pragma once
// Waiting until a container is as far as those that depend on it need it to be.

#include <chrono>
#include <string>

#include "engine/engine.hpp"
#include "sources/rebuild/start_order.hpp"
#include "util/run_context.hpp"

namespace davit::sources {

// What a look at a container says. `failed` never becomes ready without help: it ended, or is unhealthy.
struct Readiness {
  enum class State { ready, waiting, failed };
  State state = State::waiting;
  std::string why;  // "its health is \"starting\"", "it ended with exit code 3"
};
// `completed` needs exit code 0; `healthy` of a container without a health check is `started`. Pure.
[[nodiscard]] Readiness readiness_of(const engine::ContainerInfo& container, Dependency::Condition condition);

// Waits. Errc::failed when it ended or became unhealthy, Errc::unavailable when the time is over; both quote its last
// lines of log. Errc::cancelled.
[[nodiscard]] Result<> wait_until_ready(engine::Engine& engine, const engine::ContainerId& container,
                                        const std::string& service, Dependency::Condition condition,
                                        std::chrono::seconds within, RunContext& run);

}  // namespace davit::sources
