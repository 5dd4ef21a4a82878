#pragma once
// The frames on the channel between davit and a helper or a guard, as docs/channel.md has them: one byte of type, the
// length of the payload (u32, big-endian), the payload. Pure code: no descriptors, no clocks.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace davit::helper {

enum class FrameType : std::uint8_t {
  hello = 1,
  job = 2,
  data = 3,
  progress = 4,
  findings = 5,
  trailer = 6,
  ack = 7,
  bye = 8,
  record = 9,
  strike = 10,
  ping = 11
};
[[nodiscard]] std::string_view name_of(FrameType type);

inline constexpr std::size_t kFrameHeader = 5;
inline constexpr std::size_t kMaxPayload = 1U << 20U;

struct Frame {
  FrameType type = FrameType::bye;
  std::span<const std::byte> payload;
  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(payload.data()), payload.size()};
  }
};

// REQUIRES: length <= kMaxPayload.
[[nodiscard]] std::array<std::byte, kFrameHeader> encode_header(FrameType type, std::size_t length);

// The payload of a progress frame: u64, big-endian.
[[nodiscard]] std::array<std::byte, 8> encode_progress(std::uint64_t bytes);
[[nodiscard]] Result<std::uint64_t> decode_progress(std::span<const std::byte> payload);

// Takes bytes in pieces of any size and gives frames. Memory is bounded by the largest payload it takes.
class FrameDecoder {
 public:
  explicit FrameDecoder(std::size_t max_payload = kMaxPayload);

  // Where the next bytes go (never empty, as long as next() was called until it gave nothing); add() says how many
  // came. Ends the life of the payloads given before.
  [[nodiscard]] std::span<std::byte> room();
  void add(std::size_t bytes) { end_ += bytes; }
  // The next frame that is there whole. Its payload is valid until room() is called. An unknown type or a length beyond
  // the bound is Errc::corrupt; after that the decoder is good for nothing.
  [[nodiscard]] Result<std::optional<Frame>> next();
  // True if a part of a frame is held: an end of input now is a cut.
  [[nodiscard]] bool in_frame() const { return begin_ != end_; }

 private:
  std::size_t max_payload_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace davit::helper
