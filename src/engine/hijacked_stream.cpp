#include "engine/hijacked_stream.hpp"

#include <algorithm>
#include <utility>

namespace davit::engine {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 10U;
constexpr std::size_t kBacklogBytes = std::size_t{1} << 20U;
constexpr std::chrono::milliseconds kStopInterval{200};  // how long a stop may go unnoticed while nothing moves

}  // namespace

HijackedStream::HijackedStream(net::Duplex duplex) : duplex_(std::move(duplex)), buffer_(kReadBytes) {}

bool HijackedStream::take_in() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (begin_ >= kReadBytes) {  // a caller that writes much and takes little must not make the buffer grow for ever
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= std::exchange(begin_, 0);
  }
  if (buffer_.size() - end_ < kReadBytes) buffer_.resize(end_ + kReadBytes);
  auto size = duplex_.read_some(std::span(buffer_).subspan(end_, kReadBytes));
  if (!size) {
    failure_ = std::move(size).error();
    return true;
  }
  if (!*size) return false;
  end_ += **size;
  ended_ = **size == 0;
  return true;
}

Result<std::optional<AttachedStream::Output>> HijackedStream::next(
    std::optional<std::chrono::steady_clock::time_point> deadline) {
  if (broken_) return std::unexpected(*broken_);
  const auto broke = [&](Error error) {
    broken_ = error;
    return std::unexpected(std::move(error));
  };
  for (;;) {
    std::span<const std::byte> waiting = std::span(buffer_).subspan(begin_, end_ - begin_);
    const std::size_t size = waiting.size();
    auto piece = demux_.take(waiting);
    if (!piece) return broke(std::move(piece).error());
    begin_ += size - waiting.size();
    if (*piece)
      return Output{.kind = (*piece)->kind == Demultiplexer::Kind::err ? Kind::err : Kind::out,
                    .bytes = (*piece)->bytes};
    if (ended_) {
      if (auto whole = demux_.finish(); !whole) return broke(std::move(whole).error());
      return std::nullopt;
    }
    if (failure_) return broke(*failure_);
    if (take_in()) continue;
    TRY_ASSIGN(ready, duplex_.wait({.read = true, .write = false}, deadline));
    if (!ready.read) return fail(Errc::unavailable, "no output before the deadline");
  }
}

Result<> HijackedStream::write(std::span<const std::byte> bytes, std::stop_token stop) {
  while (!bytes.empty()) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "cancelled");
    TRY_ASSIGN(size, duplex_.write_some(bytes));
    bytes = bytes.subspan(size);
    if (size > 0) continue;
    // The process may not read because nobody reads what it writes, so its output has to be taken in while we wait.
    if (end_ - begin_ >= kBacklogBytes)
      return fail(Errc::unavailable, "write to the process: it writes without reading, and its output was not taken");
    if (ended_ || failure_) return fail(Errc::failed, "write to the process: it has ended");
    std::optional<std::chrono::steady_clock::time_point> deadline;
    if (stop.stop_possible()) deadline = std::chrono::steady_clock::now() + kStopInterval;
    TRY_ASSIGN(ready, duplex_.wait({.read = true, .write = true}, deadline));
    if (ready.read) static_cast<void>(take_in());
  }
  return {};
}

Result<> HijackedStream::close_write() { return duplex_.close_write(); }

}  // namespace davit::engine
