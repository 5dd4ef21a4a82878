#pragma once
// Owners of libcurl's handles, and what every use of it has in common. Included only by the .cpp files of this layer.

#include <curl/curl.h>

#include <memory>
#include <string>

#include "net/http_types.hpp"
#include "util/error.hpp"

namespace davit::net {

struct CurlDeleter {
  void operator()(CURL* curl) const noexcept { curl_easy_cleanup(curl); }
};
using CurlHandle = std::unique_ptr<CURL, CurlDeleter>;

struct CurlListDeleter {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, CurlListDeleter>;

[[nodiscard]] Result<CurlHandle> make_curl_handle();
// Where and how to connect: socket, TLS, time-outs, protocols, no proxy of the environment. Errc::usage for an option
// that libcurl does not take.
[[nodiscard]] Result<> set_connection(CURL* curl, const HttpOptions& options, const std::string& url);
// A libcurl result as an Error: "connect /var/run/docker.sock: permission denied". `text` is libcurl's own description.
[[nodiscard]] Error curl_error(CURL* curl, CURLcode code, const HttpOptions& options, const std::string& url,
                               const char* text);

}  // namespace davit::net
