#include "helper/channel/frame.hpp"

#include <algorithm>
#include <format>

namespace davit::helper {

namespace {

// Large enough that a data frame of ours usually arrives with one or two reads, small enough to stay in the cache.
constexpr std::size_t kInitialBuffer = 256U << 10U;

}  // namespace

std::string_view name_of(FrameType type) {
  switch (type) {
    case FrameType::hello:
      return "hello";
    case FrameType::job:
      return "job";
    case FrameType::data:
      return "data";
    case FrameType::progress:
      return "progress";
    case FrameType::findings:
      return "findings";
    case FrameType::trailer:
      return "trailer";
    case FrameType::ack:
      return "ack";
    case FrameType::bye:
      return "bye";
    case FrameType::record:
      return "record";
    case FrameType::strike:
      return "strike";
    case FrameType::ping:
      return "ping";
  }
  return "unknown";
}

std::array<std::byte, kFrameHeader> encode_header(FrameType type, std::size_t length) {
  return {std::byte{static_cast<std::uint8_t>(type)}, std::byte(length >> 24U & 0xFFU),
          std::byte(length >> 16U & 0xFFU), std::byte(length >> 8U & 0xFFU), std::byte(length & 0xFFU)};
}

std::array<std::byte, 8> encode_progress(std::uint64_t bytes) {
  std::array<std::byte, 8> payload;
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = std::byte(bytes >> (56U - 8U * i) & 0xFFU);
  return payload;
}

Result<std::uint64_t> decode_progress(std::span<const std::byte> payload) {
  if (payload.size() != 8) {
    return fail(Errc::corrupt, std::format("read the channel: a progress frame of {} bytes", payload.size()));
  }
  std::uint64_t bytes = 0;
  for (const std::byte byte : payload) bytes = bytes << 8U | std::to_integer<std::uint64_t>(byte);
  return bytes;
}

FrameDecoder::FrameDecoder(std::size_t max_payload)
    : max_payload_(max_payload), buffer_(std::min(kFrameHeader + max_payload, kInitialBuffer)) {}

std::span<std::byte> FrameDecoder::room() {
  if (begin_ != 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  // Only a frame longer than the buffer fills it; next() has checked its length by then.
  if (end_ == buffer_.size()) buffer_.resize(std::min(buffer_.size() * 2, kFrameHeader + max_payload_));
  return std::span(buffer_).subspan(end_);
}

Result<std::optional<Frame>> FrameDecoder::next() {
  const std::span<const std::byte> held = std::span(buffer_).subspan(begin_, end_ - begin_);
  if (held.empty()) return std::nullopt;
  const auto type = std::to_integer<std::uint8_t>(held[0]);
  if (type < static_cast<std::uint8_t>(FrameType::hello) || type > static_cast<std::uint8_t>(FrameType::ping)) {
    return fail(Errc::corrupt, std::format("read the channel: a frame of unknown type {}", type));
  }
  if (held.size() < kFrameHeader) return std::nullopt;
  std::size_t length = 0;
  for (const std::byte byte : held.subspan(1, 4)) length = length << 8U | std::to_integer<std::size_t>(byte);
  if (length > max_payload_) {
    return fail(Errc::corrupt, std::format("read the channel: a {} frame of {} bytes, where {} are the most",
                                           name_of(static_cast<FrameType>(type)), length, max_payload_));
  }
  if (held.size() < kFrameHeader + length) return std::nullopt;
  begin_ += kFrameHeader + length;
  return Frame{static_cast<FrameType>(type), held.subspan(kFrameHeader, length)};
}

}  // namespace davit::helper
