#pragma once
// Decompresses zstd frames, one or several in a row. The end is reported only where a frame is complete and the source
// has ended: a cut frame, bytes that are no frame, and no frame at all are Errc::corrupt.

#include <cstddef>
#include <memory>
#include <vector>

#include "stream/byte_stream.hpp"

struct ZSTD_DCtx_s;

namespace davit::stream {

class ZstdSource : public ByteSource {
 public:
  // REQUIRES: `next` outlives the source. Takes windows up to 128 MiB, as `zstd -d` does.
  explicit ZstdSource(ByteSource& next);
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const noexcept;
  };
  Result<> set_up();

  ByteSource& next_;
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
  std::vector<std::byte> in_;
  std::size_t begin_ = 0;  // of what is not yet decoded
  std::size_t end_ = 0;
  bool frame_complete_ = false;  // the last frame; false before the first
  bool more_inside_ = false;     // the decoder may hold output that had no room
  bool ended_ = false;
};

}  // namespace davit::stream
