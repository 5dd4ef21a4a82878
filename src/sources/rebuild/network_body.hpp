#pragma once
// A network of the record, as the Engine is asked to make it anew: same name, driver, options and addresses, labels
// verbatim, so that Compose takes it for its own. Pure.

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "engine/types.hpp"
#include "util/error.hpp"

namespace davit::sources {

// Whether Compose made it for the project: only those are made anew.
[[nodiscard]] bool is_network_of(const engine::NetworkInfo& network, std::string_view project);

// The body of POST /networks/create. Errc::corrupt if the record isn't the Engine's JSON. An address range that the
// Engine has chosen itself goes in along with those that the compose file sets, as the record can't tell them apart:
// containers with a fixed address need it. `keep_subnet` false leaves the ranges to the new Engine.
[[nodiscard]] Result<nlohmann::json> network_body(const engine::NetworkInfo& recorded, bool keep_subnet = true);

}  // namespace davit::sources
