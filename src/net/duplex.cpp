#include "net/duplex.hpp"

#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace davit::net {
namespace {

// The TLS session of a connection; nullptr on a plain one.
Result<SSL*> tls_session(CURL* curl) {
  curl_tlssessioninfo* info = nullptr;
  if (curl_easy_getinfo(curl, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || info == nullptr || info->internals == nullptr)
    return nullptr;
  if (info->backend != CURLSSLBACKEND_OPENSSL) return fail(Errc::failed, "libcurl was not built with OpenSSL");
  return static_cast<SSL*>(info->internals);
}

}  // namespace

Duplex::Duplex(CurlHandle curl, int fd, std::string peer) : curl_(std::move(curl)), fd_(fd), peer_(std::move(peer)) {}

Result<Duplex> Duplex::of(CurlHandle curl, std::string peer) {
  curl_socket_t fd = CURL_SOCKET_BAD;
  if (curl_easy_getinfo(curl.get(), CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
    return fail(Errc::unavailable, "talk to " + peer + ": connection was closed");
  return Duplex(std::move(curl), fd, std::move(peer));
}

Result<std::optional<std::size_t>> Duplex::read_some(std::span<std::byte> into) {
  if (!early_.empty()) {
    const std::size_t size = std::min(early_.size(), into.size());
    std::ranges::copy(std::as_bytes(std::span(early_)).first(size), into.begin());
    early_.erase(0, size);
    return size;
  }
  std::size_t size = 0;
  const CURLcode code = curl_easy_recv(curl_.get(), into.data(), into.size(), &size);
  if (code == CURLE_AGAIN) return std::nullopt;
  if (code != CURLE_OK) return fail(Errc::unavailable, "read from " + peer_ + ": " + curl_easy_strerror(code));
  return size;
}

Result<std::size_t> Duplex::write_some(std::span<const std::byte> bytes) {
  if (write_closed_) return fail(Errc::bug, "write after close_write");
  std::size_t size = 0;
  const CURLcode code = curl_easy_send(curl_.get(), bytes.data(), bytes.size(), &size);
  if (code == CURLE_AGAIN) return 0;
  if (code != CURLE_OK) return fail(Errc::failed, "write to " + peer_ + ": the other side has closed");
  return size;
}

Result<Duplex::Ready> Duplex::wait(Ready want, Deadline deadline) const {
  if (want.read && !early_.empty()) return Ready{.read = true, .write = false};
  const auto events = static_cast<short>((want.read ? POLLIN : 0) | (want.write ? POLLOUT : 0));
  for (;;) {
    int timeout = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
      timeout = static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, INT_MAX));
    }
    pollfd entry{.fd = fd_, .events = events, .revents = 0};
    const int ready = ::poll(&entry, 1, timeout);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return fail_errno(errno, "poll " + peer_);
    const bool broken = (entry.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    return Ready{.read = want.read && (broken || (entry.revents & POLLIN) != 0),
                 .write = want.write && (broken || (entry.revents & POLLOUT) != 0)};
  }
}

Result<> Duplex::close_write() {
  if (std::exchange(write_closed_, true)) return {};
  TRY_ASSIGN(tls, tls_session(curl_.get()));
  if (tls == nullptr) {
    // ENOTCONN: the peer has gone already, which is what reading will say.
    if (::shutdown(fd_, SHUT_WR) != 0 && errno != ENOTCONN) return fail_errno(errno, "close the stream to " + peer_);
    return {};
  }
  // "close_notify" is TLS's half-close: the server reads an end and may go on writing. It is a record like any other,
  // so on a socket that is full it has to be tried again.
  for (;;) {
    const int result = SSL_shutdown(tls);
    if (result >= 0) return {};
    if (SSL_get_error(tls, result) != SSL_ERROR_WANT_WRITE) return {};  // the peer has gone: reading will say so
    TRY(wait({.read = false, .write = true}, std::nullopt));
  }
}

}  // namespace davit::net
