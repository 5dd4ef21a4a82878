#pragma once
// Keys of ours as names of objects. A key may be any bytes; a name in S3 is UTF-8 of up to 1,024 bytes. So what is no
// UTF-8, and control characters, become "!NN" (hex), and a "!" that could be taken for such a thing "!21". All other
// keys are their names. Pure; docs/format.md, "In S3".

#include <optional>
#include <string>
#include <string_view>

#include "util/error.hpp"

namespace davit::storage::s3 {

inline constexpr std::size_t kMaxNameBytes = 1024;

[[nodiscard]] std::string encode_key(std::string_view key);
// The key whose name this is; nothing if there is none.
[[nodiscard]] std::optional<std::string> decode_key(std::string_view name);
// The beginning of `prefix` that all names of keys with that prefix begin with.
[[nodiscard]] std::string_view plain_beginning(std::string_view prefix);

}  // namespace davit::storage::s3
