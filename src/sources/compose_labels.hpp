#pragma once
// The labels by which Compose v2 recognises what it made (github.com/docker/compose, pkg/api/labels.go).

#include <string>
#include <string_view>

#include "engine/types.hpp"

namespace davit::sources::compose {

inline constexpr std::string_view kProject = "com.docker.compose.project";
inline constexpr std::string_view kService = "com.docker.compose.service";
inline constexpr std::string_view kNumber = "com.docker.compose.container-number";
inline constexpr std::string_view kOneOff = "com.docker.compose.oneoff";  // "True" for `docker compose run`
// "db:service_healthy:false,cache:service_started:true": service, condition, whether it is restarted along.
inline constexpr std::string_view kDependsOn = "com.docker.compose.depends_on";
inline constexpr std::string_view kWorkingDir = "com.docker.compose.project.working_dir";
inline constexpr std::string_view kConfigFiles = "com.docker.compose.project.config_files";   // separated by commas
inline constexpr std::string_view kEnvFiles = "com.docker.compose.project.environment_file";  // separated by commas
inline constexpr std::string_view kImage = "com.docker.compose.image";      // id of the image it was made from
inline constexpr std::string_view kNetwork = "com.docker.compose.network";  // key in the compose file
inline constexpr std::string_view kVolume = "com.docker.compose.volume";    // key in the compose file

// Empty if there is no such label.
[[nodiscard]] inline std::string_view label(const engine::Labels& labels, std::string_view name) {
  const auto found = labels.find(name);
  return found == labels.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace davit::sources::compose
