#pragma once
// Ranges of IP addresses in the notation of CIDR, "172.18.0.0/16" or "fd00:1::/64". Pure.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace davit::sources {

struct AddressRange {
  std::array<std::uint8_t, 16> address{};  // IPv4 has its four bytes in front
  int bits = 0;                            // that all its addresses have in common
  bool v6 = false;

  [[nodiscard]] bool overlaps(const AddressRange& other) const;
};

// Nothing for what isn't one.
[[nodiscard]] std::optional<AddressRange> parse_range(std::string_view text);

}  // namespace davit::sources
