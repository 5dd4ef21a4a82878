#pragma once
// A container of the record, as the Engine is asked to make it anew, so that Compose takes it for its own: labels
// verbatim, with the hash of its configuration. Pure.

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/types.hpp"
#include "sources/rebuild/moved_paths.hpp"
#include "util/error.hpp"

namespace davit::sources {

struct BodyOptions {
  MovedPaths moved = {};
  std::string image = {};  // what it is made from; empty: the reference of the record
  // Of its image on the new host; empty: as recorded. Compose compares it with a label of the container.
  std::string image_id = {};
  // Whether an anonymous volume of the record is on the new host, because its contents were restored: then it is
  // mounted by its name. The others are made anew by the Engine. Null: none is.
  std::function<bool(const std::string& volume)> has_volume = {};
  // The new id of a container of the record, which this one shares its network, processes, IPC or volumes with. Null or
  // nothing: Errc::not_found.
  std::function<std::optional<std::string>(const std::string& recorded_id)> new_id = {};
};

struct ContainerBody {
  std::string name;
  nlohmann::json body;  // of POST /containers/create
  // By name of the network, EndpointConfig: what it is connected to before it is started. Below API 1.44 the Engine
  // takes one network in the body.
  std::map<std::string, nlohmann::json> networks;
};

// Errc::corrupt if the record isn't the Engine's JSON; Errc::not_found for a container that it refers to and that
// `new_id` doesn't know.
[[nodiscard]] Result<ContainerBody> container_body(const engine::ContainerInfo& recorded, const BodyOptions& options);

// The recorded ids of containers that it shares its network, processes, IPC or volumes with: these are made first.
[[nodiscard]] std::vector<std::string> shared_containers(const engine::ContainerInfo& recorded);

// The user's networks that it was connected to.
[[nodiscard]] std::vector<std::string> networks_of(const engine::ContainerInfo& recorded);

}  // namespace davit::sources
