#pragma once
// One header of a tar, read far enough to know what follows, or to say what stands there instead. Pure.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "util/error.hpp"

namespace davit::catalog::exported {

// What one block says.
struct Block {
  // a plain file; more about the next one, of `bytes` bytes (pax); nothing but zeros; anything else
  enum class Kind { file, extended, end, other };
  Kind kind = Kind::other;
  std::string name;
  std::uint64_t bytes = 0;
  std::string what;  // for messages: "a symbolic link"
};
// REQUIRES: `bytes` are one block. Checks no sum: whoever reads holds the whole header against what it should be.
[[nodiscard]] Block parse_block(std::string_view bytes);

// The name and the size among the records of pax, which stand for those in the block.
struct Records {
  std::optional<std::string> path;
  std::optional<std::uint64_t> bytes;
};
[[nodiscard]] Records parse_records(std::string_view text);

// Errc::usage if this beginning of a file is that of one that was compressed or encrypted, saying what to do.
[[nodiscard]] Result<> check_plain(std::string_view beginning);

}  // namespace davit::catalog::exported
