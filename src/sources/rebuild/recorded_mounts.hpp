#pragma once
// The mounts of a container of the record, as they are asked for on the new host. Pure.

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/types.hpp"
#include "sources/rebuild/moved_paths.hpp"

namespace davit::sources {

// Changes "Binds" and "Mounts" of `host_config`, which is the recorded one, and "Volumes" of `config`: host paths move,
// and an anonymous volume goes by its recorded name where `has_volume` says that there is one, and is made anew where
// there isn't.
void place_mounts(const engine::ContainerInfo& recorded, const MovedPaths& moved,
                  const std::function<bool(const std::string& volume)>& has_volume, nlohmann::json& config,
                  nlohmann::json& host_config);

}  // namespace davit::sources
