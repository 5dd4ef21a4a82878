#include "net/url.hpp"

#include <algorithm>
#include <charconv>

namespace davit::net {
namespace {

// Locale must not matter here, so <cctype> is no choice.
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

Result<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65535)
    return fail(Errc::usage, "port is not a number from 1 to 65535");
  return static_cast<std::uint16_t>(port);
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0) return fail(Errc::usage, "address has no scheme (scheme://…)");
  Url url;
  for (const char c : text.substr(0, colon)) {
    if (!is_letter(c) && !is_digit(c) && c != '+' && c != '-' && c != '.')
      return fail(Errc::usage, "scheme of the address has a character that is not allowed");
    url.scheme += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }))
    return fail(Errc::usage, "address has a space or a control character");

  std::string_view rest = text.substr(colon + 3);
  const std::size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, authority_end);
  url.path = rest.substr(authority_end);
  if (authority.contains('@')) return fail(Errc::usage, "address has a user name in it");

  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return fail(Errc::usage, "IPv6 address has no closing bracket");
    url.host = authority.substr(1, bracket - 1);
    authority.remove_prefix(bracket + 1);
    if (!authority.empty() && !authority.starts_with(':'))
      return fail(Errc::usage, "something follows the IPv6 address that is no port");
  } else {
    const std::size_t port = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, port);
    authority.remove_prefix(port);
  }
  if (!authority.empty()) {
    TRY_ASSIGN(port, parse_port(authority.substr(1)));
    url.port = port;
  }
  return url;
}

std::string render_authority(const Url& url) {
  std::string text = url.host.contains(':') ? "[" + url.host + "]" : url.host;
  if (url.port) text += ":" + std::to_string(*url.port);
  return text;
}

std::string percent_encode(std::string_view text, std::string_view keep) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_letter(c) || is_digit(c) || std::string_view("-._~").contains(c) || keep.contains(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

}  // namespace davit::net
