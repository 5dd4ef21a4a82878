#pragma once
// One request on its way through libcurl: the state that its callbacks share. Only http.cpp and its own .cpp include
// this.

#include <optional>
#include <stop_token>

#include "net/curl_handle.hpp"
#include "net/http_types.hpp"

namespace davit::net {

class HttpTransfer {
 public:
  // A body of a 2xx answer goes to `sink`; without one, and for all other answers, into the response.
  HttpTransfer(CURL* curl, const HttpOptions& options, const HttpRequest& request, stream::ByteSink* sink,
               std::size_t limit, std::stop_token stop);
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  [[nodiscard]] Result<HttpResponse> perform();

 private:
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_upload(char* into, std::size_t size, std::size_t count, void* self) noexcept;
  static int on_seek(void* self, curl_off_t offset, int origin) noexcept;
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept;

  [[nodiscard]] Result<> set_request();
  [[nodiscard]] Result<> set_body();
  // A body that is in memory, and so can be sent again.
  [[nodiscard]] std::optional<std::span<const std::byte>> body_in_memory() const;
  [[nodiscard]] Result<> take_body(std::span<const std::byte> bytes);
  [[nodiscard]] Result<std::size_t> give_body(std::span<std::byte> into);
  void take_header(std::string_view line);
  // Runs `step` and turns its error, or its exception, into the abort code of a callback.
  template <class Step>
  std::size_t guarded(std::size_t abort_code, Step step) noexcept;

  CURL* curl_;
  const HttpOptions& options_;
  const HttpRequest& request_;
  stream::ByteSink* sink_;
  std::size_t limit_;
  std::stop_token stop_;
  CurlList headers_;
  HttpResponse response_;
  std::uint64_t sent_ = 0;
  bool head_checked_ = false;
  std::optional<Error> error_;  // what a callback ended with: it explains more than libcurl's "aborted"
};

}  // namespace davit::net
