#pragma once
// The Engine's raw stream, taken apart: each frame has a header of eight bytes (kind, three zeros, length as a
// big-endian 32-bit number) and a payload
// (https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach, "Stream
// format"). Pure; memory is bounded, because a payload is given out in the pieces in which it arrives.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "util/error.hpp"

namespace davit::engine {

class Demultiplexer {
 public:
  enum class Kind : std::uint8_t { out, err };
  struct Piece {
    Kind kind;
    std::span<const std::byte> bytes;  // part of what was given to take(); never empty
  };

  // Consumes from the front of `bytes` up to the end of the next piece of payload; nothing once `bytes` is used up.
  // A frame of kind 3 is an error of the Engine's own: Errc::unavailable with its text. Anything that is no frame is
  // Errc::failed. After an error nothing more can be taken.
  [[nodiscard]] Result<std::optional<Piece>> take(std::span<const std::byte>& bytes);
  // REQUIRES: the connection has ended. Errc::unavailable if it did so within a frame.
  [[nodiscard]] Result<> finish() const;

 private:
  [[nodiscard]] Result<> open_frame();

  std::array<std::byte, 8> header_{};
  std::size_t header_bytes_ = 0;  // 8: inside a payload
  std::uint32_t left_ = 0;        // of the payload
  std::string system_error_;
};

}  // namespace davit::engine
