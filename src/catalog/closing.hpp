#pragma once
// The closing checksum of a manifest: its last line but one. docs/format.md, "The closing checksum".

#include <cstddef>
#include <string>
#include <string_view>

#include "util/error.hpp"

namespace davit::catalog {

inline constexpr std::string_view kClosingBegin = "  \"sha256\": \"";
inline constexpr std::string_view kClosingEnd = "\"\n}\n";
inline constexpr std::size_t kClosingBytes = kClosingBegin.size() + 64 + kClosingEnd.size();

// The closing bytes for `head`, which is everything before them.
[[nodiscard]] Result<std::string> render_closing(std::string_view head);
// Errc::corrupt unless `text` ends with the closing bytes for what is before them.
[[nodiscard]] Result<> check_closing(std::string_view text);

}  // namespace davit::catalog
