#include "sources/rebuild/address_range.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace davit::sources {

bool AddressRange::overlaps(const AddressRange& other) const {
  if (v6 != other.v6) return false;
  const int common = std::min(bits, other.bits);
  for (int i = 0; i < common; ++i) {
    const auto byte = static_cast<std::size_t>(i / 8);
    const unsigned mask = 0x80U >> static_cast<unsigned>(i % 8);
    if ((address[byte] & mask) != (other.address[byte] & mask)) return false;
  }
  return true;
}

std::optional<AddressRange> parse_range(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  AddressRange range;
  const std::string_view bits = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), range.bits);
  if (error != std::errc() || end != bits.data() + bits.size() || range.bits < 0) return std::nullopt;
  const std::string address(text.substr(0, slash));
  range.v6 = address.contains(':');
  if (::inet_pton(range.v6 ? AF_INET6 : AF_INET, address.c_str(), range.address.data()) != 1) return std::nullopt;
  if (range.bits > (range.v6 ? 128 : 32)) return std::nullopt;
  return range;
}

}  // namespace davit::sources
