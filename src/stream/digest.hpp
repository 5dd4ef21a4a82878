#pragma once
// SHA-256, and filters that hash and count what flows through them without touching it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "stream/byte_stream.hpp"
#include "stream/encoding.hpp"
#include "util/error.hpp"

struct evp_md_ctx_st;

namespace davit::stream {

class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> bytes);
  // Lowercase hex. REQUIRES: called once. Fails only if OpenSSL did, here or in any call before.
  [[nodiscard]] Result<std::string> finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
  bool failed_ = false;
};

// Of a text that is in memory.
[[nodiscard]] Result<Extent> extent_of(std::span<const std::byte> bytes);

// Passes on and hashes. Its finish() finishes the next sink, then the extent is known.
class DigestSink : public ByteSink {
 public:
  explicit DigestSink(ByteSink& next) : next_(next) {}
  Result<> write(std::span<const std::byte> bytes) override;
  Result<> finish() override;
  // REQUIRES: finish() succeeded.
  [[nodiscard]] const Extent& extent() const { return extent_; }
  [[nodiscard]] std::uint64_t bytes() const { return extent_.bytes; }

 private:
  ByteSink& next_;
  Sha256 sha256_;
  Extent extent_;
};

// Passes on and hashes. The extent is known once read() returned 0.
class DigestSource : public ByteSource {
 public:
  explicit DigestSource(ByteSource& next) : next_(next) {}
  Result<std::size_t> read(std::span<std::byte> into) override;
  // REQUIRES: read() returned 0.
  [[nodiscard]] const Extent& extent() const { return extent_; }
  [[nodiscard]] std::uint64_t bytes() const { return extent_.bytes; }

 private:
  ByteSource& next_;
  Sha256 sha256_;
  Extent extent_;
  bool ended_ = false;
};

}  // namespace davit::stream
