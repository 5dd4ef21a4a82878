#pragma once
// What the journal of a dead run says is put right: by its guard, or by the run itself when it fails.

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "helper/session.hpp"
#include "util/run_context.hpp"

namespace davit::app {

using JournalEntries = std::vector<std::pair<std::string, nlohmann::json>>;  // key and entry, in the order of recording

struct RescueReport {
  std::vector<std::string> lines;    // what was put right: "started service app again"
  std::vector<std::string> failed;   // what could not be, and why
  std::vector<std::string> settled;  // keys of entries that need nothing more
};

// Goes through the entries from the last to the first; what is right already is left alone. Everything is tried, whatever
// fails. May be called again for what failed.
[[nodiscard]] RescueReport rescue(helper::Host& host, const JournalEntries& entries, RunContext& run);

}  // namespace davit::app
