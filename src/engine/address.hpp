#pragma once
// Where the Engine is, in the way that Docker's own client is told: DOCKER_HOST and its companions.

#include <optional>
#include <string>

#include "net/http_types.hpp"
#include "util/env.hpp"
#include "util/error.hpp"

namespace davit::engine {

struct EngineAddress {
  std::string unix_socket;  // empty: TCP
  std::string base_url;     // "http://localhost" for a socket, "http://host:2375", "https://host:2376"
  net::TlsOptions tls;
  std::optional<std::string> api_version;  // "1.43": spoken as it is, without negotiation

  // The socket's path, or "tcp://host:2375".
  [[nodiscard]] std::string display() const;
};

// DOCKER_HOST (unix:// and tcp://; unset: /var/run/docker.sock), DOCKER_TLS_VERIFY (not empty: TLS), DOCKER_CERT_PATH
// (a directory with ca.pem, cert.pem, key.pem; alone it means TLS, too; with DOCKER_TLS_VERIFY and without it:
// ~/.docker), DOCKER_API_VERSION. The server's certificate is verified always. `host` is a flag's value, and wins over
// DOCKER_HOST. Errc::usage for all that davit can't do, and for a DOCKER_CONTEXT, which it does not read: that could
// mean another Engine.
[[nodiscard]] Result<EngineAddress> parse_address(const Environment& environment,
                                                  const std::optional<std::string>& host = {});

}  // namespace davit::engine
