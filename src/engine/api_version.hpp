#pragma once
// Versions of the Engine API, and which one is spoken.

#include <compare>
#include <string>
#include <string_view>

#include "util/error.hpp"

namespace davit::engine {

struct ApiVersion {
  int major = 0;
  int minor = 0;
  auto operator<=>(const ApiVersion&) const = default;
};

// What davit was written for. 1.41 is that of Docker 20.10; what is used of it has kept its meaning up to the other
// end.
inline constexpr ApiVersion kMinApiVersion{1, 41};
inline constexpr ApiVersion kMaxApiVersion{1, 47};

[[nodiscard]] std::string render(ApiVersion version);                       // "1.41"
[[nodiscard]] Result<ApiVersion> parse_api_version(std::string_view text);  // Errc::usage

// The highest version that both sides speak. Errc::usage with a hint if there is none.
[[nodiscard]] Result<ApiVersion> negotiate(ApiVersion their_min, ApiVersion their_max);

}  // namespace davit::engine
