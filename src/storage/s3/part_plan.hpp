#pragma once
// How large the parts of an upload are. S3 takes at most 10,000 of them, and how long a stream will be is not known
// when it begins. So they are of one size for a long time, which some servers (R2) insist on, and then double: with
// parts of 16 MiB the first 64 GB are in equal parts, and an object can have 2 TB. Pure.

#include <cstddef>
#include <cstdint>

namespace davit::storage::s3 {

inline constexpr std::uint32_t kMostParts = 10'000;
inline constexpr std::size_t kLeastPartBytes = std::size_t{5} << 20U;
inline constexpr std::size_t kMostPartBytes = std::size_t{5} << 30U;
inline constexpr std::uint32_t kEqualParts = 4'000;
inline constexpr std::uint32_t kPartsOfASize = 1'000;  // behind the equal ones

// The size of part `number`, counted from 1. REQUIRES: number <= kMostParts.
[[nodiscard]] constexpr std::size_t part_size(std::uint32_t number, std::size_t first) {
  std::size_t size = first;
  for (std::uint32_t from = kEqualParts; from < number && size < kMostPartBytes; from += kPartsOfASize) size *= 2;
  return size < kMostPartBytes ? size : kMostPartBytes;
}

}  // namespace davit::storage::s3
