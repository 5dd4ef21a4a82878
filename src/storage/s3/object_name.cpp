#include "storage/s3/object_name.hpp"

#include <algorithm>
#include <charconv>
#include <format>

#include "storage/storage.hpp"
#include "util/text.hpp"

namespace davit::storage::s3 {
namespace {

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }

// What "!NN" at the front stands for, if it is one that encode_key writes.
std::optional<char> escaped_at_front(std::string_view text) {
  if (text.size() < 3 || text[0] != '!') return std::nullopt;
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
  if (!is_hex(text[1]) || !is_hex(text[2])) return std::nullopt;
  unsigned value = 0;
  std::from_chars(text.data() + 1, text.data() + 3, value, 16);
  if (value != '!' && value < 0x80 && !is_control(static_cast<unsigned char>(value))) return std::nullopt;
  return static_cast<char>(value);
}

// The length of the UTF-8 sequence at the front; 0 if there is none.
std::size_t sequence_length(std::string_view text) {
  for (std::size_t length = 1; length <= std::min<std::size_t>(4, text.size()); ++length)
    if (is_utf8(text.substr(0, length))) return length;
  return 0;
}

}  // namespace

std::string encode_key(std::string_view key) {
  std::string name;
  for (std::size_t at = 0; at < key.size();) {
    const auto byte = static_cast<unsigned char>(key[at]);
    const std::size_t length = sequence_length(key.substr(at));
    if (length == 0 || is_control(byte) || escaped_at_front(key.substr(at))) {
      name += std::format("!{:02X}", byte);
      ++at;
    } else {
      name += key.substr(at, length);
      at += length;
    }
  }
  return name;
}

std::optional<std::string> decode_key(std::string_view name) {
  std::string key;
  for (std::size_t at = 0; at < name.size();) {
    if (const auto byte = escaped_at_front(name.substr(at))) {
      key += *byte;
      at += 3;
    } else {
      key += name[at++];
    }
  }
  // One key has one name, and what others have put there need not be a key at all.
  if (!check_key(key) || encode_key(key) != name) return std::nullopt;
  return key;
}

std::string_view plain_beginning(std::string_view prefix) {
  const auto odd = std::ranges::find_if(prefix, [](char c) {
    return c == '!' || static_cast<unsigned char>(c) >= 0x80 || is_control(static_cast<unsigned char>(c));
  });
  return prefix.substr(0, static_cast<std::size_t>(odd - prefix.begin()));
}

}  // namespace davit::storage::s3
