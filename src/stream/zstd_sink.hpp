#pragma once
// Compresses into one zstd frame with a checksum, by threads of zstd's own. What it writes opens with a plain `zstd
// -d`.

#include <cstddef>
#include <memory>
#include <vector>

#include "stream/byte_stream.hpp"

struct ZSTD_CCtx_s;

namespace davit::stream {

class ZstdSink : public ByteSink {
 public:
  // `level` 1 to 19; `workers` threads, 0 compresses in the calling thread. What is wrong with them, or memory that
  // can't be had, is the error of the first write() or finish(). REQUIRES: `next` outlives the sink.
  ZstdSink(int level, int workers, ByteSink& next);
  Result<> write(std::span<const std::byte> bytes) override;
  Result<> finish() override;  // also finishes `next`; nothing written gives a frame of nothing

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
  };
  Result<> set_up();
  Result<> flush();

  int level_;
  int workers_;
  ByteSink& next_;
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
  std::vector<std::byte> out_;
  std::size_t filled_ = 0;
};

}  // namespace davit::stream
