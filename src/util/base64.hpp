#pragma once
// Bytes as text by RFC 4648, section 4: with padding, without line breaks.

#include <string>
#include <string_view>

#include "util/error.hpp"

namespace davit {

[[nodiscard]] std::string encode_base64(std::string_view bytes);
// Takes what encode_base64() writes; anything else is Errc::corrupt.
[[nodiscard]] Result<std::string> decode_base64(std::string_view text);

}  // namespace davit
