#include "engine/address.hpp"

#include "engine/api_version.hpp"
#include "net/url.hpp"
#include "util/text.hpp"

namespace davit::engine {
namespace {

constexpr std::string_view kDefaultHost = "unix:///var/run/docker.sock";

Result<EngineAddress> parse_unix(std::string_view path) {
  if (!path.starts_with('/'))
    return fail(Errc::usage, "unix:// needs an absolute path", "write unix:///path/to/docker.sock");
  return EngineAddress{.unix_socket = std::string(path), .base_url = "http://localhost", .tls = {}, .api_version = {}};
}

Result<EngineAddress> parse_tcp(const std::string& text, const Environment& environment) {
  TRY_ASSIGN(url, net::parse_url(text));
  if (url.host.empty()) return fail(Errc::usage, "tcp:// needs a host", "write tcp://host:port");
  if (!url.path.empty() && url.path != "/")
    return fail(Errc::usage, "tcp:// with a path is not supported", "write tcp://host:port");
  url.path.clear();
  EngineAddress address;
  const auto certificates = environment.get("DOCKER_CERT_PATH");
  const bool tls = environment.get("DOCKER_TLS_VERIFY") || certificates;
  if (!url.port) url.port = tls ? 2376 : 2375;
  address.base_url = (tls ? "https://" : "http://") + net::render_authority(url);
  if (!tls) return address;
  const auto home = environment.get("HOME");
  if (!certificates && !home)
    return fail(Errc::usage, "DOCKER_TLS_VERIFY is set, and DOCKER_CERT_PATH is not",
                "set DOCKER_CERT_PATH to a directory with ca.pem, cert.pem and key.pem");
  const std::string directory = certificates ? *certificates : *home + "/.docker";
  address.tls.ca_file = directory + "/ca.pem";
  address.tls.cert_file = directory + "/cert.pem";
  address.tls.key_file = directory + "/key.pem";
  return address;
}

}  // namespace

std::string EngineAddress::display() const {
  if (!unix_socket.empty()) return unix_socket;
  return "tcp" + base_url.substr(base_url.find("://"));
}

Result<EngineAddress> parse_address(const Environment& environment, const std::optional<std::string>& host) {
  const auto variable = environment.get("DOCKER_HOST");
  const std::string text = host ? *host : variable.value_or(std::string(kDefaultHost));
  const std::string what = (host ? "address of the Engine " : "DOCKER_HOST ") + escape_for_display(text);
  if (const auto context = environment.get("DOCKER_CONTEXT"); context && *context != "default" && !host && !variable)
    return fail(Errc::usage,
                "DOCKER_CONTEXT is set to " + escape_for_display(*context) + ", and davit does not read contexts",
                "set DOCKER_HOST to that context's endpoint (docker context inspect)");

  Result<EngineAddress> address = [&]() -> Result<EngineAddress> {
    if (text.starts_with("unix://")) return parse_unix(std::string_view(text).substr(7));
    if (text.starts_with("tcp://")) return parse_tcp(text, environment);
    if (text.starts_with("ssh://"))
      return fail(Errc::usage, "ssh is not supported",
                  "run davit on that host, or forward the socket: ssh -L /tmp/docker.sock:/var/run/docker.sock host");
    if (text.starts_with("npipe://"))
      return fail(Errc::usage, "named pipes are not supported", "run davit as a container");
    return fail(Errc::usage, "unknown kind of address", "write unix:///path/to/docker.sock or tcp://host:port");
  }();
  if (!address) return in_context(std::move(address), what);

  if (const auto version = environment.get("DOCKER_API_VERSION")) {
    TRY_ASSIGN(parsed, in_context(parse_api_version(*version), "DOCKER_API_VERSION"));
    if (parsed < kMinApiVersion || parsed > kMaxApiVersion)
      return fail(Errc::usage,
                  "DOCKER_API_VERSION " + render(parsed) + ": davit speaks " + render(kMinApiVersion) + " to " +
                      render(kMaxApiVersion),
                  "unset it: davit negotiates the version");
    address->api_version = render(parsed);
  }
  return address;
}

}  // namespace davit::engine
