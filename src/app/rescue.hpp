#pragma once
// What the journal of a dead run says is put right: by its guard, or by the run itself when it fails.

#include <chrono>

#include "helper/guard/rescue_report.hpp"
#include "helper/session.hpp"
#include "util/run_context.hpp"

namespace davit::app {

using helper::JournalEntries;
using helper::RescueReport;

// Goes through the entries from the last to the first; what is right already is left alone. Everything is tried,
// whatever fails. May be called again for what failed. `waited`: since the first call for this journal.
[[nodiscard]] RescueReport rescue(helper::Host& host, const JournalEntries& entries, std::chrono::milliseconds waited,
                                  RunContext& run);

// One entry of a kind. `decided`: an entry of that kind stands behind it, so it goes forward, not back.
struct RescueStep {
  helper::Host& host;
  const std::string& key;
  const nlohmann::json& entry;
  bool decided;
  std::chrono::milliseconds waited;
  RunContext& run;
};
// Puts one entry right and returns a line for each thing that was done: "started service app again"; none if all was
// right already. After an error the entry stays, and is tried again.
using PutRight = Result<std::vector<std::string>> (*)(const RescueStep& step);

}  // namespace davit::app
