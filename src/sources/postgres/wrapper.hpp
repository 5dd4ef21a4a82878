#pragma once
// The wrapper of a database container (docs/database-container.md), spoken to from outside: `davit db`, run in the
// container by exec. The binary is the one that the container was started with.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "engine/command.hpp"
#include "supervise/state.hpp"

namespace davit::sources {

// The path of davit in a container whose first process is the wrapper, as far as its record shows it; nothing if it
// shows another program. Pure.
[[nodiscard]] std::optional<std::string> wrapper_program(const engine::ContainerInfo& container);

class Wrapper {
 public:
  // Errc::not_found if the container's server is not run by the wrapper; Errc::unavailable if it doesn't answer.
  [[nodiscard]] static Result<Wrapper> find(engine::Engine& engine, const engine::ContainerInfo& container,
                                            RunContext& run);

  // As of supervise/client.hpp. The whole of it happens in the container: it goes on if this run is broken off.
  [[nodiscard]] Result<supervise::Status> status(RunContext& run) const;
  [[nodiscard]] Result<supervise::Status> start(std::chrono::seconds timeout, RunContext& run) const;
  [[nodiscard]] Result<supervise::Status> stop(supervise::StopMode mode, std::chrono::seconds timeout,
                                               RunContext& run) const;
  [[nodiscard]] Result<supervise::Status> restart(supervise::StopMode mode, std::chrono::seconds timeout,
                                                  RunContext& run) const;

 private:
  Wrapper(engine::Engine& engine, const engine::ContainerInfo& container, std::string program);
  [[nodiscard]] Result<supervise::Status> ask(std::vector<std::string> arguments, RunContext& run) const;

  engine::Engine* engine_;
  engine::ContainerId container_;
  std::string name_;
  std::string program_;
};

}  // namespace davit::sources
