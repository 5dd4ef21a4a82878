#pragma once
// What a guard's container looks like to the Engine. Pure.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "helper/container_spec.hpp"
#include "helper/host_state.hpp"

namespace davit::helper {

inline constexpr std::string_view kGuardRole = "guard";
// The Engine's socket in the container.
inline constexpr const char* kEngineSocket = "/var/run/docker.sock";
// A file at kToolPath: the id of the container, which can't be had from inside with certainty.
inline constexpr const char* kSelfName = "container";

// "davit-guard-<stack>". The name of a Compose project is one that the Engine takes in a container's name.
[[nodiscard]] std::string guard_name(std::string_view stack);

struct GuardSpec {
  HelperImage image;
  engine::Labels labels;
  std::string stack;
  std::string run;
  std::string engine_socket;  // on the Engine's host
};
[[nodiscard]] nlohmann::json guard_body(const GuardSpec& spec);

}  // namespace davit::helper
