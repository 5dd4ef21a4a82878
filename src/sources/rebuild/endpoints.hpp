#pragma once
// How a container of the record is connected to its networks. Pure.

#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace davit::sources {

// By name of the network: the EndpointConfig by which a container is connected to it anew. What the Engine has chosen
// (addresses, ids, the container's own short id for an alias) isn't in it. `inspected` is the Engine's answer.
[[nodiscard]] std::map<std::string, nlohmann::json> endpoints_of(const nlohmann::json& inspected);

// The name of a network that every Engine has, and that takes no endpoint of its user's.
[[nodiscard]] bool is_builtin_network(const std::string& name);

}  // namespace davit::sources
