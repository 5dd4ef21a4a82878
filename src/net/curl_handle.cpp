#include "net/curl_handle.hpp"

#include <cerrno>

#include "net/url.hpp"

namespace davit::net {
namespace {

// libcurl asks to be set up once before any thread uses it; a static of a function does that, and it is never torn down
// because a thread may still be at work when the process ends.
CURLcode set_up_curl() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  return result;
}

std::string peer_of(const HttpOptions& options, const std::string& url) {
  if (!options.unix_socket.empty()) return options.unix_socket;
  const auto parsed = parse_url(url);
  return parsed ? render_authority(*parsed) : "server";
}

// libcurl writes "Could not resolve host: x": messages of ours begin in lowercase and have no final period.
std::string lowered(std::string text) {
  while (text.ends_with('.') || text.ends_with('\n') || text.ends_with(' ')) text.pop_back();
  if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z')
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

}  // namespace

Result<CurlHandle> make_curl_handle() {
  if (const CURLcode code = set_up_curl(); code != CURLE_OK)
    return fail(Errc::failed, std::string("set up libcurl: ") + curl_easy_strerror(code));
  CurlHandle curl(curl_easy_init());
  if (!curl) return fail(Errc::failed, "set up libcurl: out of memory");
  return curl;
}

Result<> set_connection(CURL* curl, const HttpOptions& options, const std::string& url) {
  CURLcode result = CURLE_OK;
  const char* failed = nullptr;
  const auto set = [&](const char* name, CURLoption option, auto value) {
    if (result != CURLE_OK) return;
    result = curl_easy_setopt(curl, option, value);
    if (result != CURLE_OK) failed = name;
  };
  set("url", CURLOPT_URL, url.c_str());
  set("protocols", CURLOPT_PROTOCOLS_STR, "http,https");
  set("http version", CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set("alpn", CURLOPT_SSL_ENABLE_ALPN, 0L);
  set("signals", CURLOPT_NOSIGNAL, 1L);  // the signals of a program with threads are not a library's business
  set("proxy", CURLOPT_PROXY, options.proxy.c_str());  // the empty text turns off the variables that libcurl would read
  set("connect timeout", CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set("path", CURLOPT_PATH_AS_IS, 1L);  // names may hold "..", and the server decides what they mean
  set("keepalive", CURLOPT_TCP_KEEPALIVE, 1L);
  set("keepalive", CURLOPT_TCP_KEEPIDLE, 30L);
  set("keepalive", CURLOPT_TCP_KEEPINTVL, 15L);
  if (!options.unix_socket.empty()) set("unix socket", CURLOPT_UNIX_SOCKET_PATH, options.unix_socket.c_str());
  set("tls version", CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set("tls verification", CURLOPT_SSL_VERIFYPEER, options.tls.verify ? 1L : 0L);
  set("tls verification", CURLOPT_SSL_VERIFYHOST, options.tls.verify ? 2L : 0L);
  if (!options.tls.ca_file.empty()) set("ca file", CURLOPT_CAINFO, options.tls.ca_file.c_str());
  if (!options.tls.cert_file.empty()) set("client certificate", CURLOPT_SSLCERT, options.tls.cert_file.c_str());
  if (!options.tls.key_file.empty()) set("client key", CURLOPT_SSLKEY, options.tls.key_file.c_str());
  if (result != CURLE_OK)
    return fail(Errc::usage,
                "connect " + peer_of(options, url) + ": " + failed + ": " + lowered(curl_easy_strerror(result)));
  return {};
}

Error curl_error(CURL* curl, CURLcode code, const HttpOptions& options, const std::string& url, const char* text) {
  const std::string peer = peer_of(options, url);
  const std::string reason = lowered(text != nullptr && *text != '\0' ? text : curl_easy_strerror(code));
  switch (code) {
    case CURLE_COULDNT_CONNECT: {
      long os_error = 0;
      curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
      return {Errc::unavailable,
              "connect " + peer + ": " + (os_error != 0 ? errno_text(static_cast<int>(os_error)) : reason)};
    }
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {Errc::unavailable, "connect " + peer + ": " + reason};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return {Errc::credentials, "connect " + peer + ": " + reason, "check the CA certificate and the host name"};
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
      return {Errc::usage, "connect " + peer + ": " + reason, "check the files of certificate and key"};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {Errc::usage, "connect " + peer + ": " + reason};
    case CURLE_OUT_OF_MEMORY:
      return {Errc::failed, "talk to " + peer + ": out of memory"};
    case CURLE_ABORTED_BY_CALLBACK:
      return {Errc::cancelled, "cancelled"};
    default:
      // With TLS 1.3 a server that wants a client's certificate says so only after the handshake.
      if (reason.contains("alert certificate required") || reason.contains("alert bad certificate") ||
          reason.contains("alert unknown ca"))
        return {Errc::credentials, "connect " + peer + ": " + reason, "check the client's certificate and key"};
      return {Errc::unavailable, "talk to " + peer + ": " + reason};
  }
}

}  // namespace davit::net
