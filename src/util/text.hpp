#pragma once
// Small pure functions over text: the ones that more than one layer needs.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace davit {

[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);
// 2 × `bytes` random lowercase hex digits from the kernel's generator.
[[nodiscard]] std::string random_hex(std::size_t bytes);
// "1.6 GB": decimal units, three significant digits.
[[nodiscard]] std::string render_bytes(std::uint64_t bytes);
// Bytes of any kind as printable UTF-8: invalid sequences and control characters become \xNN, a backslash \\.
[[nodiscard]] std::string escape_for_display(std::string_view bytes);
[[nodiscard]] bool is_utf8(std::string_view bytes);
// A name of any bytes as a safe file name: letters, digits, '.', '_', '-' stay (not a leading '.' or '-'), the rest
// becomes %NN; an empty name becomes "%". Reversible: decode_file_name, which takes nothing else (Errc::corrupt).
[[nodiscard]] std::string encode_file_name(std::string_view name);
[[nodiscard]] Result<std::string> decode_file_name(std::string_view file);
// "a,,b" gives "a", "", "b"; an empty text gives nothing.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::string_view trim(std::string_view text);
// "10s", "5m", "2h", "1d" or plain seconds; Errc::usage otherwise. Result in seconds.
[[nodiscard]] Result<std::uint64_t> parse_duration_seconds(std::string_view text);
// The candidate with the smallest edit distance to `word`, if it is near enough to be what was meant; else empty.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);
// Shell-like pattern of `*` and `?` over the whole of `text`.
[[nodiscard]] bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace davit
