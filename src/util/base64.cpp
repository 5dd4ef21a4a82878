#include "util/base64.hpp"

#include <algorithm>
#include <cstdint>

namespace davit {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8U | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) text += i <= group.size() ? kDigits[(bits >> (18U - 6U * i)) & 63U] : '=';
  }
  return text;
}

Result<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const std::string_view group = text.substr(at, 4);
    const std::size_t digits = std::min(group.find('='), group.size());
    const bool last = at + 4 == text.size();
    if (group.size() < 4 || digits < 2 || (digits < 4 && !last) ||
        group.find_first_not_of('=', digits) != std::string_view::npos)
      return fail(Errc::corrupt, "decode base64: the text is not whole");
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t value = i < digits ? kDigits.find(group[i]) : 0;
      if (value == std::string_view::npos) return fail(Errc::corrupt, "decode base64: a character that is none of it");
      bits = bits << 6U | static_cast<std::uint32_t>(value);
    }
    for (std::size_t i = 0; i + 1 < digits; ++i) bytes += static_cast<char>((bits >> (16U - 8U * i)) & 255U);
  }
  return bytes;
}

}  // namespace davit
