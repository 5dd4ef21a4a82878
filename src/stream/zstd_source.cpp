#include "stream/zstd_source.hpp"

#include <zstd.h>

namespace davit::stream {
namespace {

constexpr std::size_t kBuffer = 1 << 20;
constexpr int kLargestWindowLog = 27;

}  // namespace

void ZstdSource::Free::operator()(ZSTD_DCtx_s* context) const noexcept { ZSTD_freeDCtx(context); }

ZstdSource::ZstdSource(ByteSource& next) : next_(next) {}

Result<> ZstdSource::set_up() {
  if (context_) return {};
  std::unique_ptr<ZSTD_DCtx_s, Free> context(ZSTD_createDCtx());
  if (!context || ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kLargestWindowLog)) != 0)
    return fail(Errc::failed, "decompress with zstd: out of memory");
  in_.resize(kBuffer);
  context_ = std::move(context);
  return {};
}

Result<std::size_t> ZstdSource::read(std::span<std::byte> into) {
  if (ended_) return 0;
  TRY(set_up());
  for (;;) {
    if (begin_ == end_ && !more_inside_) {
      TRY_ASSIGN(got, next_.read(in_));
      if (got == 0) {
        if (!frame_complete_) return fail(Errc::corrupt, "decompress with zstd: the stream ends inside a frame");
        ended_ = true;
        return 0;
      }
      begin_ = 0;
      end_ = got;
    }
    ZSTD_inBuffer in{in_.data(), end_, begin_};
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    const std::size_t hint = ZSTD_decompressStream(context_.get(), &out, &in);
    begin_ = in.pos;
    if (ZSTD_isError(hint) != 0)
      return fail(Errc::corrupt, std::string("decompress with zstd: ") + ZSTD_getErrorName(hint));
    // 0 says that a frame is decoded, checked, and handed out to its last byte.
    frame_complete_ = hint == 0;
    more_inside_ = !frame_complete_ && out.pos == out.size;
    if (out.pos > 0) return out.pos;
  }
}

}  // namespace davit::stream
