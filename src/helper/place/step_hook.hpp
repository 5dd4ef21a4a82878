#pragma once
// Told before each operation of a restore that changes the file system. An error it returns is taken for the
// operation's: that is how tests stop a restore at every single step.

#include <functional>
#include <string_view>

#include "util/error.hpp"

namespace davit::helper {

using StepHook = std::function<Result<>(std::string_view step)>;

[[nodiscard]] inline Result<> before(const StepHook& hook, std::string_view step) {
  return hook ? hook(step) : Result<>();
}

}  // namespace davit::helper
