#pragma once
// The Engine's JSON as types. The same functions read what the Engine answers now and what a backup recorded of it.
// Fields that are missing or null become empty; `raw` is the object as it was given, on one line.
// Errc::corrupt: not an object, without an identity, or with a field of another type than the API documents.

#include <nlohmann/json_fwd.hpp>

#include "engine/types.hpp"
#include "util/error.hpp"

namespace davit::engine {

[[nodiscard]] Result<ContainerInfo> decode_container(const nlohmann::json& inspected);  // GET /containers/{id}/json
[[nodiscard]] Result<ContainerSummary> decode_container_summary(
    const nlohmann::json& listed);                                             // of GET /containers/json
[[nodiscard]] Result<VolumeInfo> decode_volume(const nlohmann::json& volume);  // GET /volumes/{name}, of GET /volumes
[[nodiscard]] Result<NetworkInfo> decode_network(
    const nlohmann::json& network);                                         // GET /networks/{id}, of GET /networks
[[nodiscard]] Result<ImageInfo> decode_image(const nlohmann::json& image);  // GET /images/{name}/json

}  // namespace davit::engine
