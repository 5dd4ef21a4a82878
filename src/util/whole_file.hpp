#pragma once
// Reading a small file at once, those of /proc included, which have no size.

#include <cstddef>
#include <string>

#include "util/error.hpp"

namespace davit {

// All bytes of the file. Errc::not_found if there is none, Errc::failed if it has more than `limit` bytes.
[[nodiscard]] Result<std::string> read_whole_file(const std::string& path, std::size_t limit = 16U << 20U);

}  // namespace davit
