#pragma once
// Writes a pax archive that `tar` (GNU, with --xattrs and --acls) and bsdtar read: numeric owners, sub-second times,
// names of any bytes, xattrs as SCHILY.xattr.*, ACLs as SCHILY.acl.*, sparse files in GNU's sparse format 1.0. Memory
// is bounded by one small buffer; data in pieces of 64 KiB and more goes to the sink without being copied.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "stream/byte_stream.hpp"
#include "stream/tar_entry.hpp"
#include "util/error.hpp"
#include "util/finding.hpp"

namespace davit::stream {

class TarWriter {
 public:
  // REQUIRES: `sink` outlives the writer.
  explicit TarWriter(ByteSink& sink);
  // Without finish() the archive stays cut: no end-of-archive blocks are written.
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  // Begins a member. REQUIRES: the data of the one before is complete (Errc::bug otherwise).
  // What can't be stored (an ACL that makes no sense, xattrs of 1 MB) is a finding. After any error the writer is good
  // for nothing but its destructor.
  [[nodiscard]] Result<> begin(const TarEntry& entry);
  // The next bytes of a file's data, in order and in pieces of any size; altogether remaining() bytes: `size` of them,
  // or the sum of the extents of a sparse file, whose holes are not written. More than that is Errc::bug.
  [[nodiscard]] Result<> write_data(std::span<const std::byte> bytes);
  // Data that the current member still has to get.
  [[nodiscard]] std::uint64_t remaining() const;
  // For a file that became shorter than was announced: fills with zeros, so that the archive stays whole, and returns
  // with how many bytes (0 if the member was complete).
  [[nodiscard]] Result<std::uint64_t> pad_to_end();
  // Writes the end-of-archive blocks and finishes the sink.
  [[nodiscard]] Result<> finish();

  // What was noticed since the last call; `path` escaped, `item` empty.
  [[nodiscard]] std::vector<Finding> take_findings();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace davit::stream
