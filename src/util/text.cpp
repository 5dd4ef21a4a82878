#include "util/text.hpp"

#include <stdlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <limits>
#include <numeric>

namespace davit {
namespace {

constexpr std::string_view kWhitespace = " \t\r\n\v\f";

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

}  // namespace

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    text += digits[std::to_integer<std::size_t>(byte >> 4)];
    text += digits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

std::string random_hex(std::size_t bytes) {
  std::vector<std::byte> random(bytes);
  ::arc4random_buf(random.data(), random.size());  // asks the kernel each time, and cannot fail
  return to_hex(random);
}

std::string render_bytes(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 7> kUnits{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return std::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // From 999.5 on three digits would be rounded to 1000.
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return std::format("{:.3g} {}", value, kUnits[unit]);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  if (text.empty()) return pieces;
  for (;;) {
    const std::size_t end = text.find(separator);
    pieces.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kWhitespace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhitespace) - begin + 1);
}

std::string encode_file_name(std::string_view name) {
  if (name.empty()) return "%";  // no other name becomes a lone '%', and a file must be called something
  std::string file;
  for (const char c : name) {
    const bool inside = !file.empty();
    if (is_alphanumeric(c) || c == '_' || (inside && (c == '.' || c == '-')))
      file += c;
    else
      file += std::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return file;
}

Result<std::string> decode_file_name(std::string_view file) {
  std::string name;
  for (std::size_t at = 0; at < file.size() && file != "%"; ++at) {
    if (file[at] != '%') {
      name += file[at];
      continue;
    }
    unsigned value = 256;
    if (at + 2 < file.size()) {
      const char* end = file.data() + at + 3;
      if (const auto [stop, err] = std::from_chars(file.data() + at + 1, end, value, 16); stop != end) value = 256;
    }
    if (value > 255) break;  // what was decoded so far does not encode to `file`
    name += static_cast<char>(value);
    at += 2;
  }
  // One name has one spelling: anything else did not come from encode_file_name.
  if (encode_file_name(name) != file)
    return fail(Errc::corrupt, "not an encoded file name: '" + escape_for_display(file) + "'");
  return name;
}

Result<std::uint64_t> parse_duration_seconds(std::string_view text) {
  const auto malformed = [text] {
    return fail(Errc::usage, "not a duration: '" + std::string(text) + "'", "write it like 90, 90s, 15m, 2h or 1d");
  };
  std::uint64_t value = 0;
  const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (err != std::errc{}) return malformed();
  const std::string_view unit(end, text.data() + text.size());
  std::uint64_t seconds = 1;
  if (unit == "m")
    seconds = 60;
  else if (unit == "h")
    seconds = 3600;
  else if (unit == "d")
    seconds = 86400;
  else if (!unit.empty() && unit != "s")
    return malformed();
  if (value > std::numeric_limits<std::uint64_t>::max() / seconds) return malformed();
  return value * seconds;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  // A third of the word may be wrong: enough for slips of the fingers, too little for another word.
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::vector<std::size_t> two_above;
  std::vector<std::size_t> above;
  std::vector<std::size_t> row;
  for (const std::string_view candidate : candidates) {
    above.assign(candidate.size() + 1, 0);
    std::iota(above.begin(), above.end(), std::size_t{0});
    row.resize(candidate.size() + 1);
    for (std::size_t i = 1; i <= word.size(); ++i) {
      row[0] = i;
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (word[i - 1] == candidate[j - 1] ? 0 : 1)});
        // Two letters swapped are one slip, not two.
        if (i > 1 && j > 1 && word[i - 1] == candidate[j - 2] && word[i - 2] == candidate[j - 1])
          row[j] = std::min(row[j], two_above[j - 2] + 1);
      }
      two_above.swap(above);
      above.swap(row);
      row.resize(candidate.size() + 1);
    }
    // Nothing in common, as for one letter against another, is no slip.
    if (const std::size_t distance = above.back(); distance < best_distance && distance < candidate.size()) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

bool matches_glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  // Where the last '*' was, and how much of the text it swallows so far. Only the last one ever needs to swallow more.
  std::size_t star = std::string_view::npos;
  std::size_t swallowed = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      swallowed = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++swallowed;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace davit
