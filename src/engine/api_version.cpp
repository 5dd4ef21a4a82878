#include "engine/api_version.hpp"

#include <algorithm>
#include <charconv>

#include "util/text.hpp"

namespace davit::engine {

std::string render(ApiVersion version) { return std::to_string(version.major) + "." + std::to_string(version.minor); }

Result<ApiVersion> parse_api_version(std::string_view text) {
  ApiVersion version;
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec == std::errc{} && major.ptr != end && *major.ptr == '.') {
    const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
    if (minor.ec == std::errc{} && minor.ptr == end && version.major >= 0 && version.minor >= 0) return version;
  }
  return fail(Errc::usage, "not a version of the Engine API: " + escape_for_display(text), "write it like 1.43");
}

Result<ApiVersion> negotiate(ApiVersion their_min, ApiVersion their_max) {
  if (their_max < kMinApiVersion)
    return fail(
        Errc::usage,
        "the Engine speaks API version " + render(their_max) + " at most, and davit needs " + render(kMinApiVersion),
        "update the Engine to Docker 20.10 or newer");
  if (their_min > kMaxApiVersion)
    return fail(Errc::usage,
                "the Engine speaks API version " + render(their_min) + " at least, and this davit " +
                    render(kMaxApiVersion) + " at most",
                "update davit, or set \"min-api-version\" of the Engine");
  return std::min(kMaxApiVersion, their_max);
}

}  // namespace davit::engine
