#include "stream/read_ahead.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <system_error>

namespace davit::stream {

ReadAhead::~ReadAhead() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<> ReadAhead::start() {
  try {
    // Here, so that the thread itself can't run out of memory.
    for (Buffer& buffer : buffers_) buffer.bytes.resize(kBufferSize);
    thread_ = std::thread([this]() noexcept { run(); });
  } catch (const std::bad_alloc&) {
    return fail(Errc::failed, "start reading ahead: out of memory");
  } catch (const std::system_error& error) {
    return fail_errno(error.code().value(), "start a thread that reads ahead");
  }
  return {};
}

void ReadAhead::run() {
  while (true) {
    std::size_t index = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || filled_ - taken_ < kBuffers; });
      if (stop_) return;
      index = filled_ % kBuffers;
    }
    Buffer& buffer = buffers_[index];
    Result<std::size_t> got = next_.read(buffer.bytes);
    {
      const std::scoped_lock lock(mutex_);
      if (!got)
        end_ = std::unexpected(std::move(got).error());
      else if (*got == 0)
        end_ = Result<>();
      else
        buffer.filled = *got, ++filled_;
      if (end_) stop_ = true;
    }
    changed_.notify_all();
  }
}

Result<std::size_t> ReadAhead::read(std::span<std::byte> into) {
  if (!thread_.joinable()) TRY(start());
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return end_ || filled_ > taken_; });
    if (filled_ == taken_) {
      if (!*end_) return std::unexpected(end_->error());
      return 0;
    }
  }
  const Buffer& buffer = buffers_[taken_ % kBuffers];
  const std::size_t count = std::min(into.size(), buffer.filled - offset_);
  std::memcpy(into.data(), buffer.bytes.data() + offset_, count);
  offset_ += count;
  if (offset_ == buffer.filled) {
    offset_ = 0;
    {
      const std::scoped_lock lock(mutex_);
      ++taken_;
    }
    changed_.notify_all();
  }
  return count;
}

}  // namespace davit::stream
