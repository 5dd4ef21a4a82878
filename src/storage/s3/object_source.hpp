#pragma once
// Reading one object: several ranges of it at once, some ahead of the reader. Each is asked for on the condition that
// the object is still the one that was opened. Memory: the options' `parallel` and one times kRangeBytes.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "storage/s3/requests.hpp"
#include "stream/byte_stream.hpp"

namespace davit::storage::s3 {

class ObjectSource : public stream::ByteSource {
 public:
  static constexpr std::size_t kRangeBytes = std::size_t{8} << 20U;

  // REQUIRES: offset <= head.bytes.
  ObjectSource(std::shared_ptr<const Client> client, std::string name, Head head, std::uint64_t offset);
  // Ends what is under way.
  ~ObjectSource() override;
  ObjectSource(const ObjectSource&) = delete;
  ObjectSource& operator=(const ObjectSource&) = delete;

  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  struct Range {
    std::uint64_t offset = 0;
    std::size_t bytes = 0;
    std::unique_ptr<std::byte[]> buffer;
    bool ready = false;
    std::optional<Error> error;
  };

  [[nodiscard]] Result<> start();
  // Waits until the first range is ready, and makes it range_.
  [[nodiscard]] Result<> next_range();
  void stop();
  void run_lane();
  // Appends the next range that nobody has asked for. REQUIRES: mutex_ is held, and there is one.
  Range& append_range();
  void fill(Range& range);

  std::shared_ptr<const Client> client_;
  std::string name_;
  std::string doing_;
  Head head_;
  std::size_t range_bytes_;
  std::stop_source stop_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_; the contents of a range are its lane's until it is ready, and then the reader's.
  std::uint64_t asked_;                        // up to here ranges were made
  std::deque<std::unique_ptr<Range>> ranges_;  // in order; the first is the reader's
  std::vector<std::unique_ptr<std::byte[]>> spare_;

  std::uint64_t at_;  // of the reader
  Range* range_ = nullptr;
  std::size_t taken_ = 0;  // of range_
  bool started_ = false;
  std::optional<Error> error_;
  std::vector<std::jthread> lanes_;
  std::stop_callback<std::function<void()>> passes_stop_on_;  // the last: it may call at once
};

}  // namespace davit::storage::s3
