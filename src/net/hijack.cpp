#include "net/hijack.hpp"

#include <array>
#include <charconv>

#include "net/response_head.hpp"
#include "net/url.hpp"

namespace davit::net {
namespace {

constexpr std::size_t kHeadLimit = std::size_t{64} << 10U;
constexpr std::size_t kErrorBodyLimit = std::size_t{1} << 20U;
constexpr std::chrono::minutes kHeadTimeout{2};

std::string render_request(const HttpRequest& request, const Url& url, const std::string& body) {
  std::string text = request.method + " " + (url.path.empty() ? "/" : url.path) + " HTTP/1.1\r\n";
  text += "Host: " + render_authority(url) + "\r\n";
  for (const Header& header : request.headers) text += header.name + ": " + header.value + "\r\n";
  text += "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return text + body;
}

Result<> write_all(Duplex& stream, std::string_view text, Duplex::Deadline deadline) {
  auto bytes = std::as_bytes(std::span(text));
  while (!bytes.empty()) {
    TRY_ASSIGN(size, stream.write_some(bytes));
    bytes = bytes.subspan(size);
    if (size > 0) continue;
    TRY_ASSIGN(ready, stream.wait({.read = false, .write = true}, deadline));
    if (!ready.write) return fail(Errc::unavailable, "send a request: timed out");
  }
  return {};
}

// Appends what comes next; false at the end.
Result<bool> read_more(Duplex& stream, std::string& text, Duplex::Deadline deadline) {
  std::array<std::byte, 16384> buffer;
  for (;;) {
    TRY_ASSIGN(size, stream.read_some(buffer));
    if (size) {
      text.append(reinterpret_cast<const char*>(buffer.data()), *size);
      return *size > 0;
    }
    TRY_ASSIGN(ready, stream.wait({.read = true, .write = false}, deadline));
    if (!ready.read) return fail(Errc::unavailable, "wait for an answer: timed out");
  }
}

// The body of an answer that is no upgrade. One that is cut still says more than nothing.
std::string read_error_body(Duplex& stream, const HttpResponse& response, std::string body, Duplex::Deadline deadline) {
  const bool chunked = response.header("Transfer-Encoding").has_value();
  std::size_t length = kErrorBodyLimit;
  if (const auto header = response.header("Content-Length"))
    std::from_chars(header->data(), header->data() + header->size(), length);
  length = std::min(length, kErrorBodyLimit);
  while (body.size() < length) {
    if (chunked) {
      if (auto joined = join_chunks(body)) return *std::move(joined);
    }
    const auto more = read_more(stream, body, deadline);
    if (!more || !*more) break;
  }
  return body.substr(0, length);
}

}  // namespace

Result<Hijacked> hijack(const HttpOptions& options, const HttpRequest& request) {
  TRY_ASSIGN(url, parse_url(request.url));
  const std::string peer = options.unix_socket.empty() ? render_authority(url) : options.unix_socket;
  TRY_ASSIGN(curl, make_curl_handle());
  TRY(set_connection(curl.get(), options, request.url));
  std::array<char, CURL_ERROR_SIZE> text{};
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, text.data());
  curl_easy_setopt(curl.get(), CURLOPT_CONNECT_ONLY, 1L);
  const CURLcode code = curl_easy_perform(curl.get());
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, nullptr);
  if (code != CURLE_OK) return std::unexpected(curl_error(curl.get(), code, options, request.url, text.data()));
  TRY_ASSIGN(stream, Duplex::of(std::move(curl), peer));

  const auto deadline =
      std::chrono::steady_clock::now() + request.timeout.value_or(std::chrono::milliseconds(kHeadTimeout));
  const auto* body = std::get_if<std::string>(&request.body);
  TRY(in_context(write_all(stream, render_request(request, url, body != nullptr ? *body : std::string()), deadline),
                 "talk to " + peer));
  std::string received;
  for (;;) {
    TRY_ASSIGN(head, in_context(parse_response_head(received), "talk to " + peer));
    if (head) {
      std::string rest = received.substr(head->bytes);
      const int status = head->response.status;
      if (status == 101 || status == 200) {
        stream.unread(std::move(rest));
        return Hijacked{.response = std::move(head->response), .stream = std::move(stream)};
      }
      head->response.body = read_error_body(stream, head->response, std::move(rest), deadline);
      return Hijacked{.response = std::move(head->response), .stream = std::nullopt};
    }
    if (received.size() > kHeadLimit) return fail(Errc::failed, "talk to " + peer + ": head of the answer is too long");
    TRY_ASSIGN(more, in_context(read_more(stream, received, deadline), "talk to " + peer));
    if (!more) return fail(Errc::unavailable, "talk to " + peer + ": connection was closed before the answer");
  }
}

}  // namespace davit::net
