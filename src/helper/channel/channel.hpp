#pragma once
// A channel: a byte pipe in each direction between davit and a helper. Two transports carry it: a unix socket (or a
// pair of pipes) here, and the attached streams of the helper's container in attach_channel.hpp.

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>

#include "util/error.hpp"
#include "util/unique_fd.hpp"

namespace davit::helper {

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

class Channel {
 public:
  virtual ~Channel() = default;
  // Blocks for at least one byte and returns how many came; 0 once the peer has ended its direction; nothing when the
  // deadline passes (a deadline in the past: takes only what is there). Errors: unavailable (the peer is gone),
  // cancelled.
  [[nodiscard]] virtual Result<std::optional<std::size_t>> read(std::span<std::byte> into, Deadline deadline = {}) = 0;
  // Writes both, one after the other, all of it. Errors: unavailable (the peer is gone), cancelled.
  [[nodiscard]] virtual Result<> write(std::span<const std::byte> head, std::span<const std::byte> body = {}) = 0;
  // Ends our direction; reading stays possible.
  [[nodiscard]] virtual Result<> close_write() = 0;
  // From now on read() and write() end with Errc::cancelled as soon as `stop` is requested, even while they block.
  virtual void set_stop(std::stop_token stop) = 0;
};

// Over descriptors of ours: a connected stream socket, or one pipe for each direction. They are made non-blocking.
class FdChannel : public Channel {
 public:
  [[nodiscard]] static Result<std::unique_ptr<FdChannel>> over_socket(UniqueFd socket);
  // REQUIRES: SIGPIPE is ignored.
  [[nodiscard]] static Result<std::unique_ptr<FdChannel>> over_pipes(UniqueFd in, UniqueFd out);
  ~FdChannel() override;

  Result<std::optional<std::size_t>> read(std::span<std::byte> into, Deadline deadline = {}) override;
  Result<> write(std::span<const std::byte> head, std::span<const std::byte> body = {}) override;
  Result<> close_write() override;
  void set_stop(std::stop_token stop) override;

 private:
  struct Wake {
    int fd;
    void operator()() const noexcept;
  };
  FdChannel(UniqueFd in, UniqueFd out, UniqueFd wake, bool socket);
  [[nodiscard]] static Result<std::unique_ptr<FdChannel>> make(UniqueFd in, UniqueFd out, bool socket);
  // True once `fd` is ready, false when the deadline passes.
  [[nodiscard]] Result<bool> wait(int fd, short events, Deadline deadline);

  UniqueFd in_;
  UniqueFd out_;  // none for a socket, and once a pipe's end was said
  bool socket_;
  UniqueFd wake_;  // an eventfd, readable once a stop is requested
  bool out_closed_ = false;
  std::stop_token stop_;
  std::optional<std::stop_callback<Wake>> on_stop_;  // last: unregistered before wake_ is closed
};

}  // namespace davit::helper
