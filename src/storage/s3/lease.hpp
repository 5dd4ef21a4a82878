#pragma once
// What leads a later run to the leavings of a dead one: an object ".current/RUN" that says what the run is making, and
// is written anew every few minutes for as long as the run lives. docs/format.md, "In S3".

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "storage/s3/requests.hpp"

namespace davit::storage::s3 {

inline constexpr std::string_view kLeases = ".current/";
inline constexpr std::chrono::minutes kLeaseInterval{2};
// A lease that was not written for so long, by the server's clock, is that of a dead run.
inline constexpr std::chrono::minutes kLeaseEnds{30};

// What a run makes. Names are those of objects, with the prefix of the repository.
struct LeaseText {
  bool is_set = true;  // of objects below `name` and "/"; otherwise the object `name`
  std::string name;
  std::vector<std::string>
      objects;       // of a set that is being published: those that are stored, or will be, but for the last
  std::string last;  // the one that makes it whole; empty while it is not being published
  bool operator==(const LeaseText&) const = default;
};
[[nodiscard]] std::string render_lease(const LeaseText& text);
[[nodiscard]] Result<LeaseText> parse_lease(std::string_view text);

// Thread-safe.
class Lease {
 public:
  // `name` is that of its object. Errc::exists if there is one.
  [[nodiscard]] static Result<std::unique_ptr<Lease>> take(std::shared_ptr<const Client> client, std::string name,
                                                           LeaseText text, Replacing replacing);
  // Stops writing it, and leaves it where it is.
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // Says something else from now on. As renew(): Errc::failed if it is gone, or was not written for so long that others
  // may have taken the run for dead: what they have undone is not there any more, and nothing may be built on it.
  [[nodiscard]] Result<> change(LeaseText text);
  // Writes it now.
  [[nodiscard]] Result<> renew();
  // Stops writing it and removes it. Fine if it was.
  [[nodiscard]] Result<> end();

 private:
  Lease(std::shared_ptr<const Client> client, std::string name, LeaseText text);
  void run();
  // Looks whether it is still ours, and writes it anew.
  [[nodiscard]] Result<> keep_locked();
  [[nodiscard]] Result<> write_locked();
  void stop_writing();

  std::shared_ptr<const Client> client_;
  std::string name_;
  std::string writer_;
  std::mutex mutex_;  // of what follows, and held while it is written
  LeaseText text_;
  std::chrono::steady_clock::time_point written_;
  bool lost_ = false;  // others may have undone what it leads to
  bool ended_ = false;
  std::condition_variable changed_;
  std::jthread thread_;
};

// The object of the lease of a run or writer of that name.
[[nodiscard]] std::string lease_name(std::string_view root, std::string_view run);

}  // namespace davit::storage::s3
