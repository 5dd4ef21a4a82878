#include "helper/channel/attach_channel.hpp"

#include <algorithm>
#include <cstring>

#include "util/text.hpp"

namespace davit::helper {

namespace {

constexpr std::size_t kTail = 8U << 10U;
// An attached stream can't be woken, so a read looks around this often for a stop.
constexpr auto kSlice = std::chrono::milliseconds(100);

}  // namespace

void Tail::add(std::span<const std::byte> bytes) {
  bytes_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (bytes_.size() > kTail) bytes_.erase(0, bytes_.size() - kTail);
}

std::string Tail::text() const {
  std::string line;
  for (const std::string& part : split(bytes_, '\n')) {
    if (trim(part).empty()) continue;
    if (!line.empty()) line += "; ";
    line += escape_for_display(trim(part));
  }
  return line;
}

Result<std::optional<std::size_t>> AttachChannel::read(std::span<std::byte> into, Deadline deadline) {
  for (;;) {
    if (stop_.stop_requested()) return fail(Errc::cancelled, "cancelled");
    if (kept_from_ < kept_.size()) {
      const auto count = std::min(into.size(), kept_.size() - kept_from_);
      std::memcpy(into.data(), kept_.data() + kept_from_, count);
      kept_from_ += count;
      return count;
    }
    if (ended_) return 0;
    const auto now = std::chrono::steady_clock::now();
    const auto slice = deadline ? std::min(*deadline, now + kSlice) : now + kSlice;
    auto output = attached_.next(slice);
    if (!output) {
      // The passing of the slice looks like any other time-out; what is final comes again with the next call.
      if (output.error().code() != Errc::unavailable || std::chrono::steady_clock::now() < slice) {
        return std::unexpected(std::move(output).error());
      }
      if (deadline && slice == *deadline) return std::nullopt;
      continue;
    }
    if (!*output) {
      ended_ = true;
    } else if ((*output)->kind == engine::AttachedStream::Kind::err) {
      errors_.add((*output)->bytes);
    } else {
      const auto bytes = (*output)->bytes;
      const auto count = std::min(into.size(), bytes.size());
      std::memcpy(into.data(), bytes.data(), count);
      kept_.assign(reinterpret_cast<const char*>(bytes.data()) + count, bytes.size() - count);
      kept_from_ = 0;
      if (count != 0) return count;
    }
  }
}

Result<> AttachChannel::write(std::span<const std::byte> head, std::span<const std::byte> body) {
  // A small body goes along with its head: two writes would be two packets for the Engine to copy.
  if (body.size() <= (4U << 10U)) {
    std::vector<std::byte> both(head.begin(), head.end());
    both.insert(both.end(), body.begin(), body.end());
    return attached_.write(both, stop_);
  }
  TRY(attached_.write(head, stop_));
  return attached_.write(body, stop_);
}

Result<> AttachChannel::close_write() { return attached_.close_write(); }

}  // namespace davit::helper
