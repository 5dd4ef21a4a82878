#pragma once
// Addresses: taking them apart, and writing text into them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "util/error.hpp"

namespace davit::net {

struct Url {
  std::string scheme;  // lowercase
  std::string host;    // without the brackets of an IPv6 address; empty for unix://
  std::optional<std::uint16_t> port;
  std::string path;  // as written, with the leading slash; empty if there was none. Query and fragment stay in it
};

// "scheme://[host[:port]][/path]". A user name in it is refused: it would end up in messages. Errc::usage; the message
// does not repeat the address.
[[nodiscard]] Result<Url> parse_url(std::string_view text);
// "host:port", with brackets around an IPv6 address; without port only the host.
[[nodiscard]] std::string render_authority(const Url& url);

// Every byte but the unreserved ones of RFC 3986 (letters, digits, "-._~") and those in `keep` becomes %NN.
[[nodiscard]] std::string percent_encode(std::string_view text, std::string_view keep = {});

}  // namespace davit::net
