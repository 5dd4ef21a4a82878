#pragma once
// Waiting until a container is as far as those that depend on it need it to be.

#include <chrono>
#include <string>

#include "engine/engine.hpp"
#include "sources/rebuild/start_order.hpp"
#include "util/run_context.hpp"

namespace davit::sources {

// What a look at a container says. `failed`: it has ended, and nothing starts it again by itself.
struct Readiness {
  enum class State { ready, waiting, failed };
  State state = State::waiting;
  std::string why;  // where it isn't ready: "its health check says \"starting\"", "it has ended with exit code 3"
};
// `completed` needs exit code 0; `healthy` of a container without a health check is `started`, and that is one that
// runs or has ended well. An unhealthy one may become healthy. Pure.
[[nodiscard]] Readiness readiness_of(const engine::ContainerInfo& container, Dependency::Condition condition);

// The time that its health check gives it to start in, during which failures don't count; zero without one. Pure.
[[nodiscard]] std::chrono::seconds start_period_of(const engine::ContainerInfo& container);

// Waits. Errc::failed when it has ended, Errc::unavailable when the time is over; both quote its last lines of log.
// Errc::cancelled.
[[nodiscard]] Result<> wait_until_ready(engine::Engine& engine, const engine::ContainerId& container,
                                        Dependency::Condition condition, std::chrono::seconds within, RunContext& run);

}  // namespace davit::sources
