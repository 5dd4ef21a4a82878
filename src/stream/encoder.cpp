#include <optional>

#include "stream/digest.hpp"
#include "stream/encoding.hpp"
#include "stream/zstd_sink.hpp"

namespace davit::stream {

// Built from the far end. Without a codec plain and stored bytes are the same, and are hashed once.
struct Encoder::Impl {
  Impl(const Encoding& encoding, ByteSink& stored) : stored_digest(stored) {
    if (encoding.codec == Codec::zstd) {
      zstd.emplace(encoding.level, encoding.workers, stored_digest);
      plain_digest.emplace(*zstd);
    }
  }
  ByteSink& front() { return plain_digest ? static_cast<ByteSink&>(*plain_digest) : stored_digest; }

  DigestSink stored_digest;
  std::optional<ZstdSink> zstd;
  std::optional<DigestSink> plain_digest;
};

Encoder::Encoder(const Encoding& encoding, ByteSink& stored) : impl_(std::make_unique<Impl>(encoding, stored)) {}
Encoder::~Encoder() = default;

Result<> Encoder::write(std::span<const std::byte> bytes) { return impl_->front().write(bytes); }
Result<> Encoder::finish() { return impl_->front().finish(); }

const Extent& Encoder::plain() const {
  return impl_->plain_digest ? impl_->plain_digest->extent() : impl_->stored_digest.extent();
}
const Extent& Encoder::stored() const { return impl_->stored_digest.extent(); }

}  // namespace davit::stream
