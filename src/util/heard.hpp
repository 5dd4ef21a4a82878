#pragma once
// Nobody may be reading what davit says: a terminal that is held with ^S, a pager, a connection that hangs. A run holds
// services meanwhile, and must not wait for that.

namespace davit {

// Whether a line can be written to standard error without waiting for long: at most a second, and not at all as long as
// nothing has been taken since the last time. What isn't heard is not to be said.
[[nodiscard]] bool is_heard();

}  // namespace davit
