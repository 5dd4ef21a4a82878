#include "helper/channel/data_stream.hpp"

#include <algorithm>
#include <cstring>
#include <format>
#include <nlohmann/json.hpp>

#include "helper/channel/message.hpp"

namespace davit::helper {

namespace {

// The frames' own cost is lost in the noise from here on; larger ones only take memory.
constexpr std::size_t kDataFrame = 256U << 10U;
constexpr std::size_t kGather = 64U << 10U;

}  // namespace

Result<> DataSink::write(std::span<const std::byte> bytes) {
  if (gathered_.size() + bytes.size() <= kGather) {
    gathered_.insert(gathered_.end(), bytes.begin(), bytes.end());
    return {};
  }
  TRY(flush());
  while (bytes.size() > kGather) {
    const auto piece = bytes.first(std::min(bytes.size(), kDataFrame));
    TRY(link_.send(FrameType::data, piece));
    bytes = bytes.subspan(piece.size());
  }
  gathered_.assign(bytes.begin(), bytes.end());
  return {};
}

Result<> DataSink::finish() { return flush(); }

Result<> DataSink::flush() {
  if (gathered_.empty()) return {};
  TRY(link_.send(FrameType::data, gathered_));
  gathered_.clear();
  return {};
}

Result<std::size_t> DataSource::read(std::span<std::byte> into) {
  while (rest_.empty()) {
    if (verified_) return 0;
    if (ended_) return fail(Errc::corrupt, "read the channel: the data ended before");
    TRY_ASSIGN(more, next_frame());
    if (!more) continue;
    sha256_.update(rest_);
    bytes_ += rest_.size();
  }
  const auto count = std::min(into.size(), rest_.size());
  std::memcpy(into.data(), rest_.data(), count);
  rest_ = rest_.subspan(count);
  return count;
}

Result<bool> DataSource::next_frame() {
  TRY_ASSIGN(frame, link_.receive());
  if (frame.type == FrameType::data) {
    rest_ = frame.payload;
    return true;
  }
  if (frame.type != FrameType::trailer) {
    return fail(Errc::corrupt, std::format("read the channel: a {} frame among the data", name_of(frame.type)));
  }
  ended_ = true;
  TRY(hold_against(frame));
  verified_ = true;
  return false;
}

Result<> DataSource::hold_against(const Frame& trailer) {
  TRY_ASSIGN(json, parse_payload(trailer));
  TRY_ASSIGN(result, result_of_trailer(json));
  TRY_ASSIGN(sent, extent_from(result));
  TRY_ASSIGN(sha256, sha256_.finish());
  if (sent.bytes != bytes_ || sent.sha256 != sha256) {
    return fail(Errc::corrupt,
                std::format("read the channel: {} bytes were sent, and {} arrived, or others", sent.bytes, bytes_));
  }
  return {};
}

Result<> DataSource::skip_rest() {
  while (!ended_) {
    TRY_ASSIGN(frame, link_.receive());
    if (frame.type == FrameType::trailer)
      ended_ = true;
    else if (frame.type != FrameType::data)
      return fail(Errc::corrupt, std::format("read the channel: a {} frame among the data", name_of(frame.type)));
  }
  rest_ = {};
  return {};
}

}  // namespace davit::helper
