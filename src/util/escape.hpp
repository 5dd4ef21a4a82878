#pragma once
// Text of several lines that quotes others (what a program of the user's printed, an error's message), made safe for a
// terminal and a log. For a single name there is escape_for_display of util/text.hpp.

#include <string>
#include <string_view>

namespace davit {

// As escape_for_display, but line breaks stay, and backslashes are not doubled: so text that went through here, or
// whose names were escaped where it was made, stays as it is. A carriage return before a line break goes.
[[nodiscard]] std::string escape_lines(std::string_view text);

}  // namespace davit
