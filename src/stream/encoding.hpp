#pragma once
// The chain that turns plain bytes into stored bytes, and back: SHA-256 of the plain bytes → codec → SHA-256 of the
// stored bytes. It is the same in davit and in its helpers, so an artefact can be encoded where its bytes are.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "stream/byte_stream.hpp"
#include "util/error.hpp"

namespace davit::stream {

// A number of bytes and what they hash to.
struct Extent {
  std::uint64_t bytes = 0;
  std::string sha256;  // lowercase hex
  bool operator==(const Extent&) const = default;
};

enum class Codec { none, zstd };
[[nodiscard]] std::string_view name_of(Codec codec);             // "none", "zstd"
[[nodiscard]] std::string_view file_suffix(Codec codec);         // "", ".zst"
[[nodiscard]] Result<Codec> parse_codec(std::string_view name);  // Errc::corrupt: the manifest of a newer davit

struct Encoding {
  Codec codec = Codec::zstd;
  int level = 3;    // zstd: 1 to 19
  int workers = 2;  // threads of zstd; 0 compresses in the calling thread
  bool operator==(const Encoding&) const = default;
};
// "zstd", "zstd:3", "none": the value of `--compress`. Errc::usage otherwise.
[[nodiscard]] Result<Encoding> parse_encoding(std::string_view text);

// Encodes what is written to it into `stored`.
class Encoder : public ByteSink {
 public:
  Encoder(const Encoding& encoding, ByteSink& stored);
  ~Encoder() override;
  Result<> write(std::span<const std::byte> bytes) override;
  Result<> finish() override;  // also finishes `stored`
  // REQUIRES: finish() succeeded.
  [[nodiscard]] const Extent& plain() const;
  [[nodiscard]] const Extent& stored() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Reads plain bytes out of stored ones and holds them against what they should be: the end is reported only when length
// and SHA-256 of both sides are the expected ones; Errc::corrupt otherwise.
class Decoder : public ByteSource {
 public:
  Decoder(Codec codec, ByteSource& stored, Extent expected_plain, Extent expected_stored);
  ~Decoder() override;
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace davit::stream
