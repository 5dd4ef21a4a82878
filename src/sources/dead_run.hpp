#pragma once
// For whoever puts right what a dead run has left.

#include <string>

#include "engine/own_labels.hpp"

namespace davit::sources {

// For sweeps: the things of that run go, and nobody else's.
[[nodiscard]] inline engine::IsAlive all_but(const std::string& dead) {
  return [dead](const engine::Labels& labels) -> Result<bool> {
    const auto label = labels.find(engine::kRunLabel);
    return label == labels.end() || label->second != dead;
  };
}

}  // namespace davit::sources
