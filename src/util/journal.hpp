#pragma once
// What must be put right if the run dies: written where it outlives davit, before the thing itself is done. Entries are
// kept in the order in which they were first recorded; what is put right, is in the reverse order.

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "util/error.hpp"

namespace davit {

class Journal {
 public:
  virtual ~Journal() = default;
  // On stable storage when it returns; only then may what it announces be done. Replaces the entry of that key, if
  // there is one. `entry` is an object with a "kind"; it may hold what only root of the Engine's host may read, and
  // goes with the run. Thread-safe. An error means that nobody will put it right: then it must not be done.
  [[nodiscard]] virtual Result<> record(std::string_view key, const nlohmann::json& entry) = 0;
  // Nothing is left to be put right there. Fine if there is no such entry.
  [[nodiscard]] virtual Result<> strike(std::string_view key) = 0;
};

}  // namespace davit
