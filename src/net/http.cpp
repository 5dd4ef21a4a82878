#include "net/http.hpp"

#include <mutex>
#include <vector>

#include "net/http_transfer.hpp"

namespace davit::net {

// A handle of libcurl keeps its connections from request to request, and belongs to one thread at a time.
struct HttpClient::Impl {
  HttpOptions options;
  std::mutex mutex;
  std::vector<CurlHandle> idle;

  Result<CurlHandle> take() {
    const std::scoped_lock lock(mutex);
    if (idle.empty()) return make_curl_handle();
    CurlHandle curl = std::move(idle.back());
    idle.pop_back();
    return curl;
  }
  void give_back(CurlHandle curl) {
    curl_easy_reset(curl.get());
    const std::scoped_lock lock(mutex);
    idle.push_back(std::move(curl));
  }
  Result<HttpResponse> send(const HttpRequest& request, stream::ByteSink* sink, std::size_t limit,
                            std::stop_token stop) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "cancelled");
    TRY_ASSIGN(curl, take());
    Result<HttpResponse> response = HttpTransfer(curl.get(), options, request, sink, limit, std::move(stop)).perform();
    give_back(std::move(curl));
    return response;
  }
};

HttpClient::HttpClient(HttpOptions options) : impl_(std::make_unique<Impl>()) { impl_->options = std::move(options); }
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

Result<HttpResponse> HttpClient::send(const HttpRequest& request, std::stop_token stop, std::size_t limit) const {
  return impl_->send(request, nullptr, limit, std::move(stop));
}

Result<HttpResponse> HttpClient::send(const HttpRequest& request, stream::ByteSink& body, std::stop_token stop) const {
  return impl_->send(request, &body, 0, std::move(stop));
}

}  // namespace davit::net
