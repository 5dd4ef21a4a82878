#pragma once
// How the layers below `cli` tell what they are doing. `cli` decides how it is shown: a bar, lines, JSON or nothing.
// Implementations are thread-safe and never fail.

#include <cstdint>
#include <optional>
#include <string_view>

#include "util/finding.hpp"

namespace davit {

class Reporter {
 public:
  virtual ~Reporter() = default;
  // A step of the run begins: "back up volume:uploads". One step at a time; a new one ends the last.
  // `total_bytes` is an estimate, for a bar.
  virtual void step(std::string_view what, std::optional<std::uint64_t> total_bytes = {}) = 0;
  // `bytes` more of the current step were moved.
  virtual void progress(std::uint64_t bytes) = 0;
  virtual void finding(const Finding& finding) = 0;
  // Something worth a line that is no finding: "pulling busybox", "waiting for db to be ready".
  virtual void note(std::string_view text) = 0;
  // Something that its user must hear in any case, though this run goes on: what a dead run had left stopped runs
  // again, or something is left that somebody must see to.
  virtual void warning(std::string_view text) = 0;
};

}  // namespace davit
