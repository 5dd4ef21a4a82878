#pragma once
// HTTP/1.1 by libcurl. One request at a time per call; no retries, no redirects, no total time-out: those belong to the
// layer above, which knows what may be repeated and how long it may take.
//
// Errors: unavailable (no connection, cut, time-out), credentials (the certificate was not accepted), usage (a URL or a
// certificate file that can't be used), cancelled, and whatever the source or the sink of a body said. An answer with
// any status is no error here.

#include <memory>
#include <stop_token>

#include "net/http_types.hpp"
#include "util/error.hpp"

namespace davit::net {

// Thread-safe: connections are kept in a pool.
class HttpClient {
 public:
  explicit HttpClient(HttpOptions options = {});
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  // Sends the request and returns the whole answer. A body beyond `limit` bytes is Errc::failed.
  [[nodiscard]] Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop = {},
                                          std::size_t limit = std::size_t{64} << 20U) const;
  // The same with the body of a 2xx answer written to `body`, which is not finished: the caller knows whether what came
  // was what it asked for. A body that is cut short of its Content-Length or of its last chunk is an error. Other
  // answers have their body in the response, up to its first 1 MiB.
  [[nodiscard]] Result<HttpResponse> send(const HttpRequest& request, stream::ByteSink& body,
                                          std::stop_token stop = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace davit::net
