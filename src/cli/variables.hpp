#pragma once
// The variables of the environment that davit takes. One table feeds the program, `--help` and the documentation.

#include <span>
#include <string_view>

#include "util/env.hpp"

namespace davit::cli {

struct Variable {
  std::string_view name;
  std::string_view flag;  // which wins over it; empty: none
  std::string_view meaning;
};
[[nodiscard]] std::span<const Variable> variables();

// Errc::usage for a DAVIT_* variable that does not exist, naming the nearest one that does: a setting with a slip of
// the pen would otherwise be one that silently does nothing.
[[nodiscard]] Result<> check_variables(const Environment& environment);

}  // namespace davit::cli
