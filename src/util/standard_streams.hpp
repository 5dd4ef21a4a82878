#pragma once
// A process may be started with any of its standard streams closed. What it opens next would take that place, and what
// is meant for people would be written into it.

#include "util/error.hpp"

namespace davit {

// Puts something into each place that is empty, which takes no output on standard output: that its report is lost is to
// be told. REQUIRES: nothing else has been opened.
[[nodiscard]] Result<> fill_standard_streams();

}  // namespace davit
