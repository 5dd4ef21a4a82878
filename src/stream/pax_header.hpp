#pragma once
// What stands before the data of a member in a pax archive (POSIX.1-2024, pax(1) "Extended Description"): an extended
// header for what ustar has no room for, the ustar header, and for a sparse file the map of GNU's sparse format 1.0.
// Pure. libarchive isn't asked to write it: see docs/decisions/0005-pax-headers.md.

#include <string>
#include <vector>

#include "stream/tar_entry.hpp"

namespace davit::stream {

inline constexpr std::size_t kTarBlock = 512;

struct PaxHeader {
  std::string bytes;                 // a whole number of blocks
  std::vector<std::string> omitted;  // what the archive can't hold, as texts of findings
};

// REQUIRES: `extents` are ascending, apart, not empty and inside entry.size; they are the data of a file that is
// entry.sparse, and are not looked at otherwise. No text has a zero byte.
[[nodiscard]] PaxHeader render_pax_header(const TarEntry& entry, const std::vector<TarExtent>& extents);

}  // namespace davit::stream
