#pragma once
// The two pipes that everything flows through. Encoders push: each is a sink over the next sink. Decoders pull: each is
// a source over a source. So every filter is written once, and memory is bounded by its buffers.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "util/error.hpp"

namespace davit::stream {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Blocks for at least one byte and returns how many were put into `into` (which is not empty).
  // Returns 0 only at a *verified* end, and then again at each further call; a cut stream is an error.
  [[nodiscard]] virtual Result<std::size_t> read(std::span<std::byte> into) = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Takes all bytes, or fails. After a failure the sink is good for nothing but its destructor.
  [[nodiscard]] virtual Result<> write(std::span<const std::byte> bytes) = 0;
  // Says that the stream is whole: flushes filters and passes the word on. REQUIRES: called once, after the last write.
  // Never called by a destructor: a stream that is dropped unfinished must not look whole.
  [[nodiscard]] virtual Result<> finish() = 0;
};

// Moves everything from `source` to `sink` with one buffer, then finishes the sink. Returns the number of bytes.
[[nodiscard]] Result<std::uint64_t> copy(ByteSource& source, ByteSink& sink);
// The same, without finish().
[[nodiscard]] Result<std::uint64_t> copy_without_finish(ByteSource& source, ByteSink& sink);
// Reads to the verified end. More than `limit` bytes is Errc::corrupt.
[[nodiscard]] Result<std::string> read_all(ByteSource& source, std::size_t limit);

}  // namespace davit::stream
