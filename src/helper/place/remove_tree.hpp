#pragma once
// Removes a name and everything below it. Stays on the mount of `directory`: what is mounted below is an error, and
// untouched.

#include <string>

#include "helper/place/step_hook.hpp"
#include "util/error.hpp"

namespace davit::helper {

// A name that does not exist is as good as removed.
[[nodiscard]] Result<> remove_tree(int directory, const std::string& name, const StepHook& hook = {});

}  // namespace davit::helper
