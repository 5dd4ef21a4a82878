#include "sources/rabbitmq/node_name.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace davit;
using namespace davit::sources;

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

TEST_CASE("a name that is set in an image or a file is held to be the same, as long as nothing that tells it differs",
          "[rabbitmq]") {
  // As Bitnami's image has it, whatever the host is called.
  engine::ContainerInfo was;
  was.id.value = std::string(64, 'a');
  was.hostname = std::string(12, 'a');
  was.image = "bitnami/rabbitmq:4.0";
  engine::ContainerInfo is = was;
  is.id.value = std::string(64, 'b');
  is.hostname = std::string(12, 'b');
  const std::string name = "rabbit@localhost";
  CHECK(naming_difference(name, was, is, true).empty());
  CHECK(naming_difference(name, was, was, false).empty());
  is.image = "registry.example.org/bitnami/rabbitmq:4.1";
  CHECK(naming_difference(name, was, is, true).empty());
  is.image = "myown-rabbit:4.0";
  CHECK(naming_difference(name, was, is, true) == "its image");
  is.image = was.image;
  is.env = {"RABBITMQ_NODE_NAME=rabbit@elsewhere"};
  CHECK(naming_difference(name, was, is, true) == "RABBITMQ_NODE_NAME");
  // A file gives it a name, and the host's is the rest of it.
  is = was;
  was.hostname = "mq";
  is.hostname = "mq";
  CHECK(naming_difference("bunny@mq", was, is, true).empty());
  is.hostname = "other";
  CHECK(naming_difference("bunny@mq", was, is, true) == "its hostname");
  CHECK(naming_difference(name, was, is, true).empty());
  was.hostname = is.hostname = std::string(12, 'a');
  CHECK(naming_difference("bunny@" + was.hostname, was, was, true).empty());
  CHECK(naming_difference("bunny@" + was.hostname, was, was, false) == "its hostname");
}
