#include "engine/address.hpp"

#include <catch2/catch_test_macros.hpp>

#include "engine/api_version.hpp"

using namespace davit;
using namespace davit::engine;

namespace {
Result<EngineAddress> parse(std::map<std::string, std::string, std::less<>> variables,
                            std::optional<std::string> host = {}) {
  return parse_address(Environment(std::move(variables)), host);
}
}  // namespace

TEST_CASE("the Engine is found as Docker's client finds it", "[engine][address]") {
  CHECK(parse({})->unix_socket == "/var/run/docker.sock");
  CHECK(parse({})->display() == "/var/run/docker.sock");
  CHECK(parse({{"DOCKER_HOST", "unix:///run/x.sock"}})->unix_socket == "/run/x.sock");
  CHECK(parse({{"DOCKER_HOST", "unix:///run/x.sock"}}, "tcp://a")->base_url == "http://a:2375");
  CHECK(parse({{"DOCKER_HOST", "tcp://a:99/"}})->base_url == "http://a:99");
  CHECK(parse({{"DOCKER_HOST", "tcp://a:99"}})->display() == "tcp://a:99");
  const auto tls = parse({{"DOCKER_HOST", "tcp://a"}, {"DOCKER_TLS_VERIFY", "1"}, {"DOCKER_CERT_PATH", "/c"}});
  REQUIRE(tls);
  CHECK(tls->base_url == "https://a:2376");
  CHECK(tls->tls.ca_file == "/c/ca.pem");
  CHECK(tls->tls.cert_file == "/c/cert.pem");
  CHECK(tls->tls.key_file == "/c/key.pem");
  CHECK(tls->tls.verify);
  CHECK(parse({{"DOCKER_HOST", "tcp://a"}, {"DOCKER_TLS_VERIFY", "1"}, {"HOME", "/home/u"}})->tls.ca_file ==
        "/home/u/.docker/ca.pem");
  CHECK(parse({{"DOCKER_API_VERSION", "1.43"}})->api_version == "1.43");
  CHECK(parse({{"DOCKER_CONTEXT", "default"}}));
}

TEST_CASE("what cannot be reached is a wrong configuration with a way out", "[engine][address]") {
  for (const char* host : {"ssh://me@host", "npipe:////./pipe/docker_engine", "http://a", "a:2375",
                           "unix://relative.sock", "tcp://", "tcp://a/path"}) {
    INFO(host);
    const auto address = parse({{"DOCKER_HOST", host}});
    REQUIRE_FALSE(address);
    CHECK(address.error().code() == Errc::usage);
    CHECK_FALSE(address.error().hint().empty());
    CHECK(address.error().message().starts_with("DOCKER_HOST "));
  }
  CHECK(parse({{"DOCKER_CONTEXT", "other"}}).error().code() == Errc::usage);
  for (const char* version : {"1.40", "9.9", "1", "x", "1.41.2"}) {
    INFO(version);
    const auto address = parse({{"DOCKER_API_VERSION", version}});
    REQUIRE_FALSE(address);
    CHECK(address.error().code() == Errc::usage);
  }
}

TEST_CASE("the highest version that both speak is spoken", "[engine][version]") {
  CHECK(negotiate({1, 12}, {1, 41}) == ApiVersion{1, 41});
  CHECK(negotiate({1, 24}, {1, 52}) == kMaxApiVersion);
  CHECK(negotiate({1, 44}, {1, 45}) == ApiVersion{1, 45});
  CHECK_FALSE(negotiate({1, 12}, {1, 40}));
  CHECK_FALSE(negotiate({1, 99}, {1, 100}));
  CHECK(negotiate({1, 12}, {1, 40}).error().message().contains("1.40"));
}
