#pragma once
// The RabbitMQ of a container, asked through its own rabbitmqctl.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

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

// Whether definitions of one version are more than a broker of another may understand: it is of an older series, "3.13"
// before "4.0". Pure; false where either is not told.
[[nodiscard]] bool is_older_series(std::string_view version, std::string_view than);

class Broker {
 public:
  // Waits until the node of the container answers, up to `patience`: it takes its time to start. Errc::unavailable if
  // it doesn't. REQUIRES: the engine outlives it.
  [[nodiscard]] static Result<Broker> find(engine::Engine& engine, const engine::ContainerId& container,
                                           std::chrono::seconds patience, RunContext& run);
  [[nodiscard]] const BrokerNode& node() const { return node_; }
  // All definitions: an object of lists. They hold hashes of passwords.
  [[nodiscard]] Result<std::string> export_definitions(RunContext& run) const;
  // Merges them into what is there.
  [[nodiscard]] Result<> import_definitions(const std::string& definitions, RunContext& run) const;

 private:
  Broker(engine::Engine& engine, engine::ContainerId container, std::string user)
      : engine_(&engine), container_(std::move(container)), user_(std::move(user)) {}
  static Result<Broker> look(engine::Engine& engine, const engine::ContainerId& container, RunContext& run);
  [[nodiscard]] engine::Command rabbitmqctl(std::vector<std::string> arguments) const;

  engine::Engine* engine_;
  engine::ContainerId container_;
  std::string user_;  // numbers of the server's user and group: the cookie is for nobody else
  BrokerNode node_;
};

}  // namespace davit::sources
