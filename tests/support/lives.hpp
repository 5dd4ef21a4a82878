#pragma once
// For sweeps: these runs are under way, and no others.

#include <algorithm>
#include <string>
#include <vector>

#include "engine/own_labels.hpp"

namespace davit::test {

inline engine::IsAlive lives(std::vector<std::string> runs) {
  return [runs = std::move(runs)](const engine::Labels& labels) -> Result<bool> {
    const auto run = labels.find(engine::kRunLabel);
    return run != labels.end() && std::ranges::contains(runs, run->second);
  };
}

}  // namespace davit::test
