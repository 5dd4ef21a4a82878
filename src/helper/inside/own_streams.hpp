#pragma once
// The channel over the stdin and stdout of this process, which davit has attached.

#include <memory>
#include <stop_token>

#include "helper/channel/link.hpp"

namespace davit::helper {

// From now on stdin is empty and stdout is stderr, so that no library can write to what is the channel now.
// REQUIRES: once; SIGPIPE is ignored.
[[nodiscard]] Result<std::unique_ptr<Link>> link_over_own_streams(std::stop_token stop);

}  // namespace davit::helper
