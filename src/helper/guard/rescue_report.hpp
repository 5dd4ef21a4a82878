#pragma once
// What a guard hands over to be put right, and what it hears back.

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace davit::helper {

using JournalEntries = std::vector<std::pair<std::string, nlohmann::json>>;  // key and entry, in the order of recording

struct RescueReport {
  std::vector<std::string> lines;    // what was put right: "started service app again"
  std::vector<std::string> failed;   // what could not be, and why
  std::vector<std::string> settled;  // keys of entries that need nothing more
};

}  // namespace davit::helper
