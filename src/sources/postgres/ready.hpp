#pragma once
// Whether a server is the one that stays. While an image makes its cluster, it runs one that answers on the socket and
// goes away again. That one listens to no network, so a server is the real one if it listens, or is process 1 of the
// container, or has been up for long. It says itself how long it has been up.

#include <optional>

#include "sources/postgres/server.hpp"

namespace davit::sources {

class RealServer {
 public:
  RealServer(engine::Engine& engine, RunContext& run) : engine_(engine), run_(run) {}
  // Asked again and again about the same container until it says true.
  Result<bool> operator()(const engine::ContainerId& id);

 private:
  engine::Engine& engine_;
  RunContext& run_;
  std::optional<Server> server_;
};

// Of a container that runs: its server may have been started a moment ago. Two minutes at most; past them, connecting
// says what is wrong.
[[nodiscard]] Result<> wait_until_real(engine::Engine& engine, const engine::ContainerId& id, RunContext& run);

}  // namespace davit::sources
