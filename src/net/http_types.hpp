#pragma once
// Requests and answers of HTTP, and how a server is reached. Shared by HttpClient and by hijacked connections.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "stream/byte_stream.hpp"

namespace davit::net {

struct TlsOptions {
  std::string ca_file;    // PEM; empty: the system's certificates
  std::string cert_file;  // PEM of the client's certificate; empty: none
  std::string key_file;   // PEM of its key
  bool verify = true;     // false only where a user asked for it
};

struct HttpOptions {
  std::string
      unix_socket;  // empty: the host of the URL is connected to. Otherwise that host is only a name in a header
  TlsOptions tls;
  std::string proxy;  // empty: none; the variables that libcurl would look at are never used
  std::chrono::milliseconds connect_timeout{std::chrono::seconds(30)};  // TLS handshake included
  // False: every request has a connection of its own. For servers whose requests must not be sent twice: libcurl
  // repeats a request when a connection that it kept turns out to be dead.
  bool reuse_connections = true;
};

struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};
using Headers = std::vector<Header>;
// The value of the last header of that name, whatever its case.
[[nodiscard]] std::optional<std::string_view> find_header(const Headers& headers, std::string_view name);

// A body that is read while it is sent. With a length, that header is sent, and the source must end, verified, exactly
// there; without, the body is sent chunked.
struct StreamedBody {
  stream::ByteSource* source = nullptr;
  std::optional<std::uint64_t> length;
};

// Bytes that are only pointed at must stay until the answer is there.
using Body = std::variant<std::monostate, std::string, std::span<const std::byte>, StreamedBody>;

struct HttpRequest {
  std::string method = "GET";
  std::string url = {};
  Headers headers = {};  // an empty value sends the header with an empty value
  Body body = {};
  // Asked before the first byte of a 2xx answer's body is given to a sink, with an answer that has no body yet: an
  // error of it ends the request.
  std::function<Result<>(const struct HttpResponse& head)> check_head = {};
  std::optional<std::chrono::milliseconds> timeout = {};  // for the whole request; none: as long as it takes
  std::optional<std::chrono::seconds> idle_timeout = {};  // no byte in either direction for so long: Errc::unavailable
};

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;  // what was not given to a sink

  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const {
    return find_header(headers, name);
  }
};

}  // namespace davit::net
