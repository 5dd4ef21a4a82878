#pragma once
// Reads a tar archive (pax, GNU, ustar) as TarEntry and data. The end is reported only when the two end-of-archive
// blocks were there, nothing but zeros followed them, and the source was read to its verified end: libarchive alone
// takes an archive that is cut between two members for a whole one.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "stream/byte_stream.hpp"
#include "stream/tar_entry.hpp"
#include "util/error.hpp"
#include "util/finding.hpp"

namespace davit::stream {

// A piece of a member's data. Lies in the reader's buffer: valid until the next call of the reader.
struct TarData {
  std::uint64_t offset = 0;          // in the file; leaps forward over holes
  std::span<const std::byte> bytes;  // empty: the member's data is complete
};

class TarReader {
 public:
  // REQUIRES: `source` outlives the reader.
  explicit TarReader(ByteSource& source);
  ~TarReader();
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  // The next member, or nothing at the verified end. Data of the member before that was not read is skipped.
  // Damage is Errc::corrupt; an error of the source is passed on. After any error the reader is good for nothing but
  // its destructor. Paths are given as they stand in the archive: keeping inside a directory is up to the caller.
  // `sparse` is true and `data` holds the map where the archive says so.
  [[nodiscard]] Result<std::optional<TarEntry>> next();
  // The next piece of the current member's data. A sparse file may end with a hole, so its length is `size`, not the
  // end of the last piece.
  [[nodiscard]] Result<TarData> read_data();

  // What was noticed since the last call, such as an ACL that names a user this archive has no number for; `path`
  // escaped, `item` empty.
  [[nodiscard]] std::vector<Finding> take_findings();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace davit::stream
