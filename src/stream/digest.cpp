#include "stream/digest.hpp"

#include <openssl/evp.h>

#include <array>

#include "util/text.hpp"

namespace davit::stream {

void Sha256::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  failed_ = context_ == nullptr || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1;
}

void Sha256::update(std::span<const std::byte> bytes) {
  if (!failed_) failed_ = EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1;
}

Result<std::string> Sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (failed_ || EVP_DigestFinal_ex(context_.get(), digest.data(), &length) != 1)
    return fail(Errc::failed, "compute SHA-256: OpenSSL refused");
  return to_hex(std::as_bytes(std::span(digest)).first(length));
}

Result<Extent> extent_of(std::span<const std::byte> bytes) {
  Sha256 sha256;
  sha256.update(bytes);
  TRY_ASSIGN(digest, sha256.finish());
  return Extent{.bytes = bytes.size(), .sha256 = std::move(digest)};
}

Result<> DigestSink::write(std::span<const std::byte> bytes) {
  sha256_.update(bytes);
  extent_.bytes += bytes.size();
  return next_.write(bytes);
}

Result<> DigestSink::finish() {
  TRY_ASSIGN(digest, sha256_.finish());
  extent_.sha256 = std::move(digest);
  return next_.finish();
}

Result<std::size_t> DigestSource::read(std::span<std::byte> into) {
  if (ended_) return 0;
  TRY_ASSIGN(got, next_.read(into));
  if (got > 0) {
    sha256_.update(into.first(got));
    extent_.bytes += got;
    return got;
  }
  TRY_ASSIGN(digest, sha256_.finish());
  extent_.sha256 = std::move(digest);
  ended_ = true;
  return 0;
}

}  // namespace davit::stream
