#include "stream/encoding.hpp"

#include <charconv>

namespace davit::stream {
namespace {

constexpr int kLowestLevel = 1;
constexpr int kHighestLevel = 19;

}  // namespace

std::string_view name_of(Codec codec) { return codec == Codec::zstd ? "zstd" : "none"; }

std::string_view file_suffix(Codec codec) { return codec == Codec::zstd ? ".zst" : ""; }

Result<Codec> parse_codec(std::string_view name) {
  if (name == "zstd") return Codec::zstd;
  if (name == "none") return Codec::none;
  return fail(Errc::corrupt, "unknown codec: '" + std::string(name) + "'",
              "use the davit that wrote this backup, or a newer one");
}

Result<Encoding> parse_encoding(std::string_view text) {
  if (text == "none") return Encoding{.codec = Codec::none};
  Encoding encoding{.codec = Codec::zstd};
  if (text == "zstd") return encoding;
  constexpr std::string_view prefix = "zstd:";
  if (text.starts_with(prefix)) {
    const char* end = text.data() + text.size();
    const auto [stop, err] = std::from_chars(text.data() + prefix.size(), end, encoding.level);
    if (err == std::errc{} && stop == end && encoding.level >= kLowestLevel && encoding.level <= kHighestLevel)
      return encoding;
  }
  return fail(Errc::usage, "no such compression: '" + std::string(text) + "'",
              "use none, zstd, or zstd:LEVEL with a level from 1 to 19");
}

}  // namespace davit::stream
