#include "util/escape.hpp"

#include <cstdint>
#include <format>

#include "util/text.hpp"

namespace davit {
namespace {

// The length of the well-formed UTF-8 sequence that `text` begins with, and its code point; 0 if there is none.
std::size_t decode_utf8(std::string_view text, std::uint32_t& point) {
  const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned first = byte(0);
  std::size_t length = 0;
  std::uint32_t smallest = 0;
  if (first < 0x80) {
    point = first;
    return 1;
  }
  if (first >= 0xc2 && first < 0xe0) {
    length = 2, smallest = 0x80, point = first & 0x1f;
  } else if (first >= 0xe0 && first < 0xf0) {
    length = 3, smallest = 0x800, point = first & 0x0f;
  } else if (first >= 0xf0 && first < 0xf5) {
    length = 4, smallest = 0x10000, point = first & 0x07;
  } else {
    return 0;
  }
  if (text.size() < length) return 0;
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xc0) != 0x80) return 0;
    point = (point << 6) | (byte(at) & 0x3fU);
  }
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  return point < smallest || point > 0x10ffff || surrogate ? 0 : length;
}

// Besides controls: line separators, and marks that change the direction of writing, with which a name could make a
// line of output read differently from what it is.
bool is_printable(std::uint32_t point) {
  if (point < 0x20 || (point >= 0x7f && point < 0xa0)) return false;
  if (point == 0x200e || point == 0x200f || point == 0x061c || point == 0xfeff) return false;
  return !(point >= 0x2028 && point <= 0x202e) && !(point >= 0x2066 && point <= 0x2069);
}

enum class Form { name, lines };

std::string escape(std::string_view bytes, Form form) {
  std::string shown;
  shown.reserve(bytes.size());
  while (!bytes.empty()) {
    std::uint32_t point = 0;
    const std::size_t length = decode_utf8(bytes, point);
    const std::size_t taken = length == 0 ? 1 : length;
    if (form == Form::lines && (bytes.front() == '\n' || bytes.starts_with("\r\n"))) {
      if (bytes.front() == '\n') shown += '\n';
    } else if (form == Form::lines && bytes.front() == '\t') {
      shown += ' ';  // messages of other programs are indented by it
    } else if (length != 0 && is_printable(point)) {
      if (point == '\\' && form == Form::name) shown += '\\';
      shown += bytes.substr(0, length);
    } else {
      for (const char c : bytes.substr(0, taken)) shown += std::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    bytes.remove_prefix(taken);
  }
  return shown;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    std::uint32_t point = 0;
    const std::size_t length = decode_utf8(bytes, point);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string escape_for_display(std::string_view bytes) { return escape(bytes, Form::name); }

std::string escape_lines(std::string_view text) { return escape(text, Form::lines); }

}  // namespace davit
