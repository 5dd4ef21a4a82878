#include "helper/channel/link.hpp"

#include <format>
#include <nlohmann/json.hpp>

namespace davit::helper {

Result<> Link::send(FrameType type, std::span<const std::byte> payload) {
  return channel_->write(encode_header(type, payload.size()), payload);
}

Result<> Link::send_json(FrameType type, const nlohmann::json& payload) {
  // Texts of errors may quote bytes that are no UTF-8: better altered than not said.
  const std::string text = payload.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > kMaxPayload) {
    return fail(Errc::usage, std::format("tell the helper: a {} of {} bytes, where {} are the most", name_of(type),
                                         text.size(), kMaxPayload));
  }
  return send(type, std::as_bytes(std::span(text)));
}

Result<std::optional<Frame>> Link::read_until(Deadline deadline) {
  for (;;) {
    TRY_ASSIGN(frame, decoder_.next());
    if (frame) return frame;
    TRY_ASSIGN(got, channel_->read(decoder_.room(), deadline));
    if (!got) return std::nullopt;
    if (*got == 0) {
      return fail(Errc::unavailable,
                  decoder_.in_frame() ? "the channel ended in the middle of a frame" : "the channel ended");
    }
    decoder_.add(*got);
  }
}

Result<Frame> Link::receive(Deadline deadline) {
  TRY_ASSIGN(frame, read_until(deadline));
  if (!frame) return fail(Errc::unavailable, "the channel is silent: timed out");
  return *frame;
}

Result<std::optional<Frame>> Link::receive_arrived() { return read_until(std::chrono::steady_clock::time_point{}); }

Result<Frame> Link::expect(FrameType type, Deadline deadline) {
  TRY_ASSIGN(frame, receive(deadline));
  if (frame.type != type) {
    return fail(Errc::corrupt, std::format("read the channel: a {} frame where a {} frame must come",
                                           name_of(frame.type), name_of(type)));
  }
  return frame;
}

bool Link::drain(Deadline deadline) {
  std::vector<std::byte> dropped(64U << 10U);
  for (;;) {
    const auto got = channel_->read(dropped, deadline);
    if (!got || (*got && **got == 0)) return true;
    if (!*got) return false;
  }
}

Result<nlohmann::json> parse_payload(const Frame& frame) {
  auto json = nlohmann::json::parse(frame.text(), nullptr, false);
  if (json.is_discarded()) {
    return fail(Errc::corrupt, std::format("read the channel: a {} frame that is no JSON", name_of(frame.type)));
  }
  return json;
}

}  // namespace davit::helper
