#pragma once
// A network of the record, as the Engine is asked to make it anew: same name, driver and options, labels verbatim, so
// that Compose takes it for its own. Pure.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types.hpp"
#include "sources/stack.hpp"
#include "util/error.hpp"

namespace davit::sources {

// Whether Compose made it for the project: only those are made anew.
[[nodiscard]] bool is_network_of(const engine::NetworkInfo& network, std::string_view project);

// The subnets that it must have again, because somebody has set them. The record doesn't tell that from what the Engine
// has chosen; so it is told by its looks: a range of Docker's default pools, with the first address for its gateway, in
// which no container of the stack has a fixed address, is the Engine's, and on another host it may be in use.
[[nodiscard]] std::vector<std::string> set_subnets(const engine::NetworkInfo& recorded, const Stack& stack);

// The body of POST /networks/create, with these of its subnets; the Engine chooses where there are none. Errc::corrupt
// if the record isn't the Engine's JSON.
[[nodiscard]] Result<nlohmann::json> network_body(const engine::NetworkInfo& recorded,
                                                  const std::vector<std::string>& subnets);

// All subnets that the Engine says of a network.
[[nodiscard]] std::vector<std::string> subnets_of(const engine::NetworkInfo& network);

}  // namespace davit::sources
