#pragma once
// Frames over a channel, for both ends.

#include <nlohmann/json_fwd.hpp>

#include "helper/channel/channel.hpp"
#include "helper/channel/frame.hpp"

namespace davit::helper {

class Link {
 public:
  explicit Link(std::unique_ptr<Channel> channel) : channel_(std::move(channel)) {}

  [[nodiscard]] Result<> send(FrameType type, std::span<const std::byte> payload = {});
  // A payload beyond the bound of a frame is Errc::usage.
  [[nodiscard]] Result<> send_json(FrameType type, const nlohmann::json& payload);
  // The next frame; its payload is valid until the next call. Errc::unavailable when the channel ends, between frames
  // or inside one, or when the deadline passes.
  [[nodiscard]] Result<Frame> receive(Deadline deadline = {});
  // A frame that has arrived already; never waits for one.
  [[nodiscard]] Result<std::optional<Frame>> receive_arrived();
  // The same as receive(), but anything else than `type` is an error: Errc::corrupt.
  [[nodiscard]] Result<Frame> expect(FrameType type, Deadline deadline = {});
  // Reads and drops until the channel has ended. False if that did not happen before the deadline.
  [[nodiscard]] bool drain(Deadline deadline);

  [[nodiscard]] Channel& channel() { return *channel_; }

 private:
  [[nodiscard]] Result<std::optional<Frame>> read_until(Deadline deadline);
  std::unique_ptr<Channel> channel_;
  FrameDecoder decoder_;
};

// The payload as JSON; Errc::corrupt if it is none.
[[nodiscard]] Result<nlohmann::json> parse_payload(const Frame& frame);

}  // namespace davit::helper
