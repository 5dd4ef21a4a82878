#pragma once
// What runs inside a helper container: `davit helper …`. Connects to davit over the socket named by its arguments, or
// else speaks over stdin and stdout, and does the jobs it is sent on the place mounted at kPlacePath.

#include <string>
#include <vector>

#include "util/error.hpp"

namespace davit::helper {

inline constexpr const char* kPlacePath = "/place";

// REQUIRES: this process is alone in its container. Returns when davit has said that it is done; an error if the
// channel ended in another way (after an unfinished restore was rolled back). `arguments` are those behind `davit
// helper`.
[[nodiscard]] Result<> serve(const std::vector<std::string>& arguments);

}  // namespace davit::helper
