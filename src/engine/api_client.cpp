#include "engine/api_client.hpp"

#include <algorithm>

#include "engine/answers.hpp"
#include "engine/hijacked_stream.hpp"
#include "net/hijack.hpp"
#include "net/url.hpp"

namespace davit::engine {
namespace {

net::HttpOptions options_of(const EngineAddress& address) {
  net::HttpOptions options;
  options.unix_socket = address.unix_socket;
  options.tls = address.tls;
  // Nothing may be sent twice, and a new connection to a socket costs nothing that could be measured.
  options.reuse_connections = false;
  return options;
}

Errc code_of(int status, bool creates) {
  switch (status) {
    case 401:
    case 403:
      return Errc::credentials;
    case 404:
      return Errc::not_found;
    case 409:
      return creates ? Errc::exists : Errc::failed;
    case 500:
    case 502:
    case 503:
    case 504:
      return Errc::unavailable;
    default:
      return Errc::failed;
  }
}

Error with_hint(Error error, const EngineAddress& address) {
  if (error.code() != Errc::unavailable || !error.message().contains("connect ")) return error;
  if (address.unix_socket.empty())
    return std::move(error).hint_if_none("check DOCKER_HOST, and that the Engine listens there");
  if (error.message().ends_with(errno_text(EACCES)) || error.message().ends_with(errno_text(ENOENT)))
    return std::move(error).hint_if_none("run davit as a container with the socket mounted, or join the docker group");
  return std::move(error).hint_if_none("start the Docker Engine, or set DOCKER_HOST");
}

}  // namespace

std::string segment(std::string_view text) { return net::percent_encode(text); }

ApiClient::ApiClient(EngineAddress address)
    : address_(std::move(address)), options_(options_of(address_)), client_(options_) {}

net::HttpRequest ApiClient::request(const Call& call) const {
  net::HttpRequest request;
  request.method = call.method;
  request.url = address_.base_url + prefix_ + call.path;
  char separator = '?';
  for (const auto& [name, value] : call.query) {
    request.url += separator + name + "=" + net::percent_encode(value);
    separator = '&';
  }
  request.body = call.body;
  if (!std::holds_alternative<std::monostate>(call.body))
    request.headers.push_back({"Content-Type", call.content_type});
  request.timeout = call.timeout;
  return request;
}

Result<net::HttpResponse> ApiClient::checked(const Call& call, Result<net::HttpResponse> response) const {
  if (!response) return std::unexpected(with_hint(std::move(response).error(), address_).context(call.what));
  if (response->ok() || std::ranges::contains(call.fine, response->status)) return response;
  std::string message = error_message(response->body);
  if (message.empty()) message = "the Engine answered with status " + std::to_string(response->status);
  return fail(code_of(response->status, call.creates), call.what + ": " + message);
}

Result<net::HttpResponse> ApiClient::send(const Call& call) const { return checked(call, client_.send(request(call))); }

Result<net::HttpResponse> ApiClient::send(const Call& call, stream::ByteSink& body, std::stop_token stop) const {
  return checked(call, client_.send(request(call), body, std::move(stop)));
}

Result<std::unique_ptr<AttachedStream>> ApiClient::hijack(const Call& call) const {
  auto hijacked = net::hijack(options_, request(call));
  if (!hijacked) return std::unexpected(with_hint(std::move(hijacked).error(), address_).context(call.what));
  TRY(checked(call, hijacked->stream ? net::HttpResponse{.status = 200, .headers = {}, .body = {}}
                                     : std::move(hijacked->response)));
  return std::make_unique<HijackedStream>(*std::move(hijacked->stream));
}

}  // namespace davit::engine
