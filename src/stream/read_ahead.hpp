#pragma once
// Reads a source in a thread of its own, some buffers ahead, so that decoding and what is done with the bytes happen at
// the same time. Memory: kBuffers buffers of kBufferSize.

#include <array>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "stream/byte_stream.hpp"

namespace davit::stream {

class ReadAhead : public ByteSource {
 public:
  static constexpr std::size_t kBuffers = 8;
  static constexpr std::size_t kBufferSize = 256U << 10U;

  // REQUIRES: `next` outlives this and is read by nobody else meanwhile. It is read from another thread, first when
  // this is read.
  explicit ReadAhead(ByteSource& next) : next_(next) {}
  // Waits for a read of `next` that is under way. Bytes that were read and not taken are lost.
  ~ReadAhead() override;
  ReadAhead(ReadAhead&&) = delete;
  // An error of `next` comes when all bytes before it were taken, and then again.
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  struct Buffer {
    std::vector<std::byte> bytes;
    std::size_t filled = 0;
  };
  Result<> start();
  void run();

  ByteSource& next_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_: buffer i % kBuffers is the reader's for taken_ <= i < filled_, the thread's otherwise.
  std::size_t filled_ = 0;
  std::size_t taken_ = 0;
  bool stop_ = false;
  std::optional<Result<>> end_;  // how the source ended, behind what is filled

  std::array<Buffer, kBuffers> buffers_;
  std::size_t offset_ = 0;  // in the buffer that is being taken
  std::thread thread_;
};

}  // namespace davit::stream
