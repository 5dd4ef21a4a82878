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

TEST_CASE("the name that a node will have is told by its container, where it can be told", "[rabbitmq]") {
  engine::ContainerInfo container;
  container.id.value = std::string(64, 'a');
  container.hostname = "mq";
  CHECK(node_name_of(container, false) == "rabbit@mq");
  CHECK_FALSE(has_chance_hostname(container));
  container.hostname = "mq.example.org";
  CHECK(node_name_of(container, false) == "rabbit@mq");
  container.env = {"RABBITMQ_USE_LONGNAME=true"};
  CHECK(node_name_of(container, false) == "rabbit@mq.example.org");
  container.env = {"RABBITMQ_NODENAME=bunny"};
  CHECK(node_name_of(container, false) == "bunny@mq");
  container.env = {"RABBITMQ_NODENAME=bunny@here"};
  CHECK(node_name_of(container, false) == "bunny@here");
  // Compose has given it none: the Engine takes the container's id.
  container.env.clear();
  container.hostname = std::string(12, 'a');
  CHECK(has_chance_hostname(container));
  CHECK(node_name_of(container, false).empty());
  CHECK(node_name_of(container, true) == "rabbit@aaaaaaaaaaaa");
}
