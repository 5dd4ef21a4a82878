#include "net/url.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace davit;
using namespace davit::net;

TEST_CASE("an address is taken apart", "[net][url]") {
  const auto url = parse_url("HTTPS://example.org:2376/a/b?c");
  REQUIRE(url);
  CHECK(url->scheme == "https");
  CHECK(url->host == "example.org");
  CHECK(url->port == 2376);
  CHECK(url->path == "/a/b?c");
  const auto six = parse_url("tcp://[::1]:2375");
  REQUIRE(six);
  CHECK(six->host == "::1");
  CHECK(render_authority(*six) == "[::1]:2375");
  const auto socket = parse_url("unix:///run/x.sock");
  REQUIRE(socket);
  CHECK(socket->host.empty());
  CHECK(socket->path == "/run/x.sock");
}

TEST_CASE("what is no address is refused, and a password in it is not repeated", "[net][url]") {
  for (const char* bad :
       {"", "host", "://x", "tcp://host:", "tcp://host:0", "tcp://host:65536", "tcp://host:12x", "tcp://[::1",
        "tcp://[::1]x", "tcp://a b", "tcp://user:secret@host", "t_p://host", "tcp://ho\nst"}) {
    INFO(bad);
    const auto url = parse_url(bad);
    REQUIRE_FALSE(url);
    CHECK(url.error().code() == Errc::usage);
    CHECK_FALSE(url.error().message().contains("secret"));
  }
}

TEST_CASE("every reserved byte is encoded", "[net][url]") {
  CHECK(percent_encode("aZ09-._~") == "aZ09-._~");
  CHECK(percent_encode("a b/c?d&e=f%\xff\n") == "a%20b%2Fc%3Fd%26e%3Df%25%FF%0A");
  CHECK(percent_encode("a/b:c", "/:") == "a/b:c");
}
