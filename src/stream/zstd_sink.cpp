#include "stream/zstd_sink.hpp"

#include <zstd.h>

namespace davit::stream {
namespace {

constexpr std::size_t kBuffer = 1 << 20;

std::unexpected<Error> refuse(std::size_t code) {
  return fail(Errc::failed, std::string("compress with zstd: ") + ZSTD_getErrorName(code));
}

}  // namespace

void ZstdSink::Free::operator()(ZSTD_CCtx_s* context) const noexcept { ZSTD_freeCCtx(context); }

ZstdSink::ZstdSink(int level, int workers, ByteSink& next) : level_(level), workers_(workers), next_(next) {}

Result<> ZstdSink::set_up() {
  if (context_) return {};
  std::unique_ptr<ZSTD_CCtx_s, Free> context(ZSTD_createCCtx());
  if (!context) return fail(Errc::failed, "compress with zstd: out of memory");
  // The checksum is what makes a flipped bit an error of `zstd -d` too. Levels up to 19 keep the window within the 128
  // MiB that a plain `zstd -d` accepts.
  if (level_ < 1 || level_ > 19) return fail(Errc::bug, "compress with zstd: no such level: " + std::to_string(level_));
  for (const auto& [parameter, value] : {std::pair(ZSTD_c_compressionLevel, level_), std::pair(ZSTD_c_checksumFlag, 1),
                                         std::pair(ZSTD_c_nbWorkers, workers_)})
    if (const std::size_t code = ZSTD_CCtx_setParameter(context.get(), parameter, value); ZSTD_isError(code) != 0)
      return refuse(code);
  out_.resize(kBuffer);
  context_ = std::move(context);
  return {};
}

Result<> ZstdSink::flush() {
  if (filled_ == 0) return {};
  TRY(next_.write(std::span(out_).first(filled_)));
  filled_ = 0;
  return {};
}

Result<> ZstdSink::write(std::span<const std::byte> bytes) {
  TRY(set_up());
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (in.pos < in.size) {
    ZSTD_outBuffer out{out_.data(), out_.size(), filled_};
    const std::size_t code = ZSTD_compressStream2(context_.get(), &out, &in, ZSTD_e_continue);
    filled_ = out.pos;
    if (ZSTD_isError(code) != 0) return refuse(code);
    if (filled_ == out_.size()) TRY(flush());
  }
  return {};
}

Result<> ZstdSink::finish() {
  TRY(set_up());
  for (;;) {
    ZSTD_inBuffer in{nullptr, 0, 0};
    ZSTD_outBuffer out{out_.data(), out_.size(), filled_};
    const std::size_t left = ZSTD_compressStream2(context_.get(), &out, &in, ZSTD_e_end);
    filled_ = out.pos;
    if (ZSTD_isError(left) != 0) return refuse(left);
    TRY(flush());
    if (left == 0) return next_.finish();
  }
}

}  // namespace davit::stream
