#include <optional>

#include "stream/digest.hpp"
#include "stream/encoding.hpp"
#include "stream/zstd_source.hpp"

namespace davit::stream {
namespace {

Result<> compare(std::string_view side, const Extent& found, const Extent& expected) {
  const std::string what = std::string(side) + " bytes are not what they were: ";
  if (found.bytes != expected.bytes)
    return fail(Errc::corrupt, what + std::to_string(found.bytes) + " of them, not " + std::to_string(expected.bytes));
  if (found.sha256 != expected.sha256)
    return fail(Errc::corrupt, what + "SHA-256 " + found.sha256 + ", not " + expected.sha256);
  return {};
}

}  // namespace

struct Decoder::Impl {
  Impl(Codec codec, ByteSource& stored, Extent expected_plain_, Extent expected_stored_)
      : stored_digest(stored),
        expected_plain(std::move(expected_plain_)),
        expected_stored(std::move(expected_stored_)) {
    if (codec == Codec::zstd) {
      zstd.emplace(stored_digest);
      plain_digest.emplace(*zstd);
    }
  }
  DigestSource& front() { return plain_digest ? *plain_digest : stored_digest; }

  DigestSource stored_digest;
  std::optional<ZstdSource> zstd;
  std::optional<DigestSource> plain_digest;
  Extent expected_plain;
  Extent expected_stored;
};

Decoder::Decoder(Codec codec, ByteSource& stored, Extent expected_plain, Extent expected_stored)
    : impl_(std::make_unique<Impl>(codec, stored, std::move(expected_plain), std::move(expected_stored))) {}
Decoder::~Decoder() = default;

Result<std::size_t> Decoder::read(std::span<std::byte> into) {
  DigestSource& front = impl_->front();
  TRY_ASSIGN(got, front.read(into));
  if (got > 0) {
    // Said at once: what is too much must not be unpacked to its end first.
    if (front.bytes() > impl_->expected_plain.bytes)
      return fail(Errc::corrupt,
                  "plain bytes are not what they were: more than " + std::to_string(impl_->expected_plain.bytes));
    return got;
  }
  // The codec ends only after its source did, so both extents are known here.
  TRY(compare("stored", impl_->stored_digest.extent(), impl_->expected_stored));
  TRY(compare("plain", front.extent(), impl_->expected_plain));
  return 0;
}

}  // namespace davit::stream
