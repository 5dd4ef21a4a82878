#pragma once
// A connection that an HTTP server has handed over ("101 Switching Protocols"): plain bytes in both directions, over a
// unix socket, TCP or TLS. Reads and writes never block; wait() does.

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "net/curl_handle.hpp"
#include "util/error.hpp"

namespace davit::net {

class Duplex {
 public:
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;
  struct Ready {
    bool read = false;
    bool write = false;
  };

  // Takes over a connected handle (CURLOPT_CONNECT_ONLY). `peer` names the other side in messages.
  [[nodiscard]] static Result<Duplex> of(CurlHandle curl, std::string peer);
  // Gives bytes back that were read too far: the next reads return them.
  void unread(std::string bytes) { early_ = std::move(bytes); }

  // What has arrived: nothing if nothing has, 0 at the end of the stream. A broken connection is Errc::unavailable.
  [[nodiscard]] Result<std::optional<std::size_t>> read_some(std::span<std::byte> into);
  // How many bytes were taken: 0 if the peer does not read at the moment. A peer that has closed is Errc::failed.
  [[nodiscard]] Result<std::size_t> write_some(std::span<const std::byte> bytes);
  // Blocks until one of the wanted directions is ready, which a broken connection is, or the deadline has passed
  // (neither).
  [[nodiscard]] Result<Ready> wait(Ready want, Deadline deadline) const;
  // Tells the peer that nothing more comes; reading goes on. Fine if it is called twice.
  [[nodiscard]] Result<> close_write();

 private:
  Duplex(CurlHandle curl, int fd, std::string peer);

  CurlHandle curl_;
  int fd_;  // owned by curl_
  std::string early_;
  std::string peer_;
  bool write_closed_ = false;
};

}  // namespace davit::net
