#pragma once
// Upgrades an HTTP request to a raw connection, as the Docker Engine does for attach and exec
// (https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach, "Hijacking").

#include <optional>

#include "net/duplex.hpp"
#include "net/http_types.hpp"

namespace davit::net {

struct Hijacked {
  HttpResponse response;
  std::optional<Duplex> stream;  // nothing if the server did not answer 101 or 200: then `response` says why
};

// Sends `request` (whose body may be nothing or a string) with the headers of an upgrade on a connection of its own.
// `request.timeout` bounds the wait for the answer's head; none: two minutes. Errors as of HttpClient.
[[nodiscard]] Result<Hijacked> hijack(const HttpOptions& options, const HttpRequest& request);

}  // namespace davit::net
