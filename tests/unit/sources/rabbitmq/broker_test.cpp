#include "sources/rabbitmq/broker.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace davit;
using namespace davit::sources;

TEST_CASE("a node's answer is read, however Erlang writes it", "[rabbitmq]") {
  const auto plain = parse_node("[rabbit@mq,\"4.0.5\",\"/var/lib/rabbitmq/mnesia/rabbit@mq\"]\n");
  REQUIRE(plain);
  CHECK(plain->name == "rabbit@mq");
  CHECK(plain->version == "4.0.5");
  CHECK(plain->data == "/var/lib/rabbitmq/mnesia/rabbit@mq");
  const auto quoted = parse_node("['rabbit@my-host.example.org',\"3.13.7\",\n \"/a,b\"]");
  REQUIRE(quoted);
  CHECK(quoted->name == "rabbit@my-host.example.org");
  CHECK(quoted->data == "/a,b");
  for (const char* wrong : {"", "ok", "[]", "[rabbit@mq]", "[rabbit@mq,\"4.0.5\"]", "[nonode,\"4\",\"/\"]",
                            "[rabbit@mq,\"4\",\"/\",\"x\"]", "[rabbit@mq,undefined,\"/\"]", "['rabbit@mq,\"4\",\"/\"]"})
    CHECK_FALSE(parse_node(wrong));
}

TEST_CASE("a broker of an older series may not know what definitions of a newer one say", "[rabbitmq]") {
  CHECK(is_older_series("3.13.7", "4.0.5"));
  CHECK(is_older_series("4.0.5", "4.1.0"));
  CHECK(is_older_series("3.9.29", "3.13.7"));
  CHECK_FALSE(is_older_series("4.0.1", "4.0.5"));
  CHECK_FALSE(is_older_series("4.1.0", "4.0.5"));
  CHECK_FALSE(is_older_series("4.0.5", ""));
  CHECK_FALSE(is_older_series("", "4.0.5"));
  CHECK_FALSE(is_older_series("4.0.5", "4"));
}
