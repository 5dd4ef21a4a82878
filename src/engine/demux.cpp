#include "engine/demux.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace davit::engine {
namespace {

constexpr std::size_t kSystemErrorLimit = std::size_t{4} << 10U;
constexpr std::byte kSystemError{3};

}  // namespace

Result<> Demultiplexer::open_frame() {
  // 0 is stdin: the Engine never sends it, and Docker's reader writes it to stdout.
  if (header_[0] > kSystemError || header_[1] != std::byte{0} || header_[2] != std::byte{0} ||
      header_[3] != std::byte{0})
    return fail(Errc::failed, "the Engine's stream is not made of frames (header " + to_hex(header_) + ")");
  left_ = 0;
  for (const std::byte byte : std::span(header_).subspan(4))
    left_ = (left_ << 8U) | std::to_integer<std::uint32_t>(byte);
  return {};
}

Result<std::optional<Demultiplexer::Piece>> Demultiplexer::take(std::span<const std::byte>& bytes) {
  for (;;) {
    if (header_bytes_ < header_.size()) {
      const std::size_t size = std::min(header_.size() - header_bytes_, bytes.size());
      std::ranges::copy(bytes.first(size), header_.begin() + static_cast<std::ptrdiff_t>(header_bytes_));
      header_bytes_ += size;
      bytes = bytes.subspan(size);
      if (header_bytes_ < header_.size()) return std::nullopt;
      TRY(open_frame());
    }
    const auto payload = bytes.first(std::min<std::size_t>(left_, bytes.size()));
    bytes = bytes.subspan(payload.size());
    left_ -= static_cast<std::uint32_t>(payload.size());
    const bool complete = left_ == 0;
    if (complete) header_bytes_ = 0;
    if (header_[0] == kSystemError) {
      const auto kept = payload.first(std::min(payload.size(), kSystemErrorLimit - system_error_.size()));
      system_error_.append(reinterpret_cast<const char*>(kept.data()), kept.size());
      if (complete)
        return fail(Errc::unavailable, "the Engine broke off the stream: " + escape_for_display(trim(system_error_)));
      return std::nullopt;
    }
    if (!payload.empty()) return Piece{.kind = header_[0] == std::byte{2} ? Kind::err : Kind::out, .bytes = payload};
    if (bytes.empty()) return std::nullopt;
  }
}

Result<> Demultiplexer::finish() const {
  if (header_bytes_ == 0) return {};
  return fail(Errc::unavailable,
              header_bytes_ < header_.size()
                  ? "the Engine's stream ends within the header of a frame"
                  : "the Engine's stream ends " + std::to_string(left_) + " bytes before its frame does");
}

}  // namespace davit::engine
