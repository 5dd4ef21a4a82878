#pragma once
// What every step of a run is given: who it is, what time it is, whom to tell, and whether to stop.

#include <stop_token>
#include <string>

#include "util/clock.hpp"
#include "util/reporter.hpp"

namespace davit {

struct RunContext {
  std::string run_id;  // random, lowercase hex; labels everything that the run makes on the Engine (`davit.run`)
  const Clock& clock;
  Reporter& reporter;
  std::stop_token stop;
  std::string owner = {};  // the process that runs it, told so that others can see whether it lives (`davit.owner`)

  // The same run, for what must be done even after somebody asked to stop: clearing away, leading back.
  [[nodiscard]] RunContext unstoppable() const { return {run_id, clock, reporter, {}, owner}; }

  // Errc::cancelled once somebody asked to stop. Long loops ask.
  [[nodiscard]] Result<> check() const {
    if (stop.stop_requested()) return fail(Errc::cancelled, "cancelled");
    return {};
  }
};

}  // namespace davit
