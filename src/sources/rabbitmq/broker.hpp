#pragma once
// The RabbitMQ of a container, asked through its own rabbitmqctl.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "engine/command.hpp"
#include "sources/stack.hpp"

namespace davit::sources {

// By its label, or by its image.
[[nodiscard]] bool looks_like_rabbitmq(const Service& service);

// What a node says of itself.
struct BrokerNode {
  std::string name;     // "rabbit@mq": it finds only what a node of the same name has stored
  std::string version;  // "4.0.5"
  std::string data;     // directory in the container; empty if it doesn't tell
};
// Of the answer of rabbitmqctl eval, a list of Erlang: [rabbit@mq,"4.0.5","/var/lib/…"]. Errc::failed otherwise. Pure.
[[nodiscard]] Result<BrokerNode> parse_node(std::string_view answer);

class Broker {
 public:
  // REQUIRES: the engine outlives it.
  Broker(engine::Engine& engine, engine::ContainerId container) : engine_(&engine), container_(std::move(container)) {}

  // Errc::unavailable if the node doesn't run (yet).
  [[nodiscard]] Result<BrokerNode> node(RunContext& run) const;
  // The same, patiently: a node takes its time to start.
  [[nodiscard]] Result<BrokerNode> wait(std::chrono::seconds patience, RunContext& run) const;
  // All definitions: an object of lists. They hold hashes of passwords.
  [[nodiscard]] Result<std::string> export_definitions(RunContext& run) const;
  // Merges them into what is there.
  [[nodiscard]] Result<> import_definitions(const std::string& definitions, RunContext& run) const;

 private:
  engine::Engine* engine_;
  engine::ContainerId container_;
};

// The name that a container's node will have, as far as its record says: RABBITMQ_NODENAME, or rabbit@HOSTNAME. Empty
// if only the container that is yet to be made will tell: its host name is its id. `exists`: this very container is
// there, and will be started.
[[nodiscard]] std::string node_name_of(const engine::ContainerInfo& container, bool exists);
// Whether the container's host name is its id, which Compose's file says nothing about.
[[nodiscard]] bool has_chance_hostname(const engine::ContainerInfo& container);

}  // namespace davit::sources
