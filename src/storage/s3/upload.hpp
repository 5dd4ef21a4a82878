#pragma once
// Writing one object from a stream whose length nobody knows. What fits into one part stays in memory and is stored in
// one request; anything longer is a multipart upload, several parts at once, each hashed beside the sending of the
// others. Memory: the options' `parallel` and one parts of the first size, or one part, if that is larger.

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

namespace davit::storage::s3 {

class Upload {
 public:
  // `before_first` is called before the server is told of an upload: what it makes leads a later run to it.
  Upload(std::shared_ptr<const Client> client, std::string name, std::function<Result<>()> before_first = {});
  // Aborts what was not stored, and logs what could not be aborted.
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  [[nodiscard]] Result<> write(std::span<const std::byte> bytes);
  // All bytes are in memory, or in parts that the server has. REQUIRES: once.
  [[nodiscard]] Result<> finish();
  // Sends what is in memory, too, as an upload of one part. REQUIRES: finish() succeeded.
  [[nodiscard]] Result<> leave_memory();
  // Gives back the memory that what is in memory does not need. REQUIRES: finish() succeeded.
  void shrink();
  // Makes it an object, and checks its length. REQUIRES: finish() succeeded; not twice with success.
  // Errc::exists as of put_object().
  [[nodiscard]] Result<Head> store(Replacing replacing);
  // Whatever store() has tried: the object is not there behind this, nor any part of it. Errors say what was left
  // behind. Fine if there is nothing to abort; does nothing behind a store() that succeeded.
  [[nodiscard]] Result<> abort();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] bool is_in_memory() const { return id_.empty(); }
  // The random word that its object will have, see kWriterHeader.
  [[nodiscard]] const std::string& writer() const { return writer_; }

 private:
  struct Part {
    std::uint32_t number = 0;
    std::size_t capacity = 0;
    std::size_t bytes = 0;
    std::unique_ptr<std::byte[]> buffer;
  };

  [[nodiscard]] Result<> begin();
  // Gives the current part to the lanes; waits for memory.
  [[nodiscard]] Result<> hand_over();
  [[nodiscard]] Result<> wait_for_parts();
  [[nodiscard]] Result<> start_lane();
  void run_lane();
  [[nodiscard]] Result<std::string> send_part(const Part& part) const;
  [[nodiscard]] Result<> complete(Replacing replacing);
  [[nodiscard]] Result<Head> check_stored();
  [[nodiscard]] std::string render_parts() const;
  // Uploads of this name that were begun when an answer was lost.
  [[nodiscard]] Result<> abort_strays();
  void stop();

  std::shared_ptr<const Client> client_;
  std::string name_;
  std::function<Result<>()> before_first_;
  std::string writer_;
  std::string doing_;
  std::string id_;                   // of the upload; empty: there is none
  bool maybe_more_uploads_ = false;  // an answer with an id was lost
  bool maybe_stored_ = false;        // store() has begun
  bool stored_ = false;
  std::uint64_t bytes_ = 0;
  Part current_;
  std::stop_source stop_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<Part> waiting_;
  std::size_t in_flight_bytes_ = 0;                  // capacity of what is waiting and what is being sent
  std::vector<std::string> etags_;                   // of part i + 1; empty: not there yet
  std::vector<std::unique_ptr<std::byte[]>> spare_;  // of the first size
  std::optional<Error> error_;
  bool no_more_ = false;

  std::vector<std::jthread> lanes_;
  std::stop_callback<std::function<void()>> passes_stop_on_;  // the last: it may call at once
};

}  // namespace davit::storage::s3
