#pragma once
// The labels on what davit makes on an Engine, by which it is found again: by whom it was made, and what for.

#include <functional>
#include <string_view>

#include "engine/types.hpp"
#include "util/error.hpp"
#include "util/run_context.hpp"

namespace davit::engine {

inline constexpr std::string_view kRunLabel = "davit.run";      // the run's id
inline constexpr std::string_view kOwnerLabel = "davit.owner";  // the process that runs it: see RunContext::owner
inline constexpr std::string_view kRoleLabel = "davit.role";    // "helper", "one-off", "guard"
// Of a guard:
inline constexpr std::string_view kStackLabel = "davit.stack";
inline constexpr std::string_view kCommandLabel = "davit.command";  // "backup", "restore"
inline constexpr std::string_view kSinceLabel = "davit.since";      // RFC 3339

[[nodiscard]] inline Labels own_labels(const RunContext& run, std::string_view role) {
  return {{std::string(kRunLabel), run.run_id},
          {std::string(kOwnerLabel), run.owner},
          {std::string(kRoleLabel), std::string(role)}};
}

// Whether the run that made something with these labels is still under way. Sweeps ask it of each thing: what a live
// run of another process made must not be touched.
using IsAlive = std::function<Result<bool>(const Labels& labels)>;

}  // namespace davit::engine
