#pragma once
// Letting services run again that were held, and running the hooks that are due: by the run itself, or, from what its
// journal says, after its death (docs/guard.md, the kinds `held` and `after`).

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/quiesce/plan.hpp"
#include "engine/engine.hpp"
#include "util/run_context.hpp"

namespace davit::app {

// A container that was held.
struct HeldContainer {
  std::string project;
  std::string service;
  int number = 0;  // Compose's
  engine::ContainerId id;
  How how = How::pause;
  int order = 0;          // of the service
  bool stopping = false;  // it was to be stopped, which takes its time, and nobody has seen it end
};

// The entries of the journal, and their keys.
[[nodiscard]] std::string key_of(const HeldContainer& held);
[[nodiscard]] nlohmann::json entry_of(const HeldContainer& held);
[[nodiscard]] std::string key_of_after(const std::string& service);
[[nodiscard]] nlohmann::json entry_of_after(const std::string& project, const std::string& service, const Hook& hook);

// Makes sure that it runs: unpauses or starts it; one that was recreated meanwhile is found by project, service and
// number. What runs is left alone; what is gone altogether is nobody's to start.
enum class Ended {
  leave,  // one that was paused, and has ended since, was ended by somebody else
  start,  // it may have ended with the Engine
};
struct PutBack {
  std::string line = {};  // what was done, or why not: "started service app again"; empty where nothing was to be done
  bool runs = true;
};
[[nodiscard]] Result<PutBack> put_back(engine::Engine& engine, const HeldContainer& held, Ended ended);

// How long one that runs may still come to be held by what a dead run has asked for: its own time to stop, and some
// more.
[[nodiscard]] std::chrono::milliseconds time_to_be_held(const HeldContainer& held, const engine::ContainerInfo& info);

// For the entries of a dead run: lines for the user. An error means that it is to be tried again. `waited`: since it
// was tried first.
[[nodiscard]] Result<std::vector<std::string>> put_back_held(engine::Engine& engine, const nlohmann::json& entry,
                                                             std::chrono::milliseconds waited);
[[nodiscard]] Result<std::vector<std::string>> put_back_after(engine::Engine& engine, const nlohmann::json& entry,
                                                              std::chrono::milliseconds waited, RunContext& run);

}  // namespace davit::app
