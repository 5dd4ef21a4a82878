#pragma once
// Which services are PostgreSQL servers, and which of their mounts hold the cluster.

#include <string>
#include <string_view>
#include <vector>

#include "sources/stack.hpp"

namespace davit::sources {

// "timescaledb-ha" of "registry:5000/timescale/timescaledb-ha:pg17@sha256:…".
[[nodiscard]] std::string_view image_name(std::string_view reference);

// A server by its label, its image, or by PGDATA in its environment, which images of servers set and clients have no
// use for. Variables such as POSTGRES_PASSWORD say nothing: applications that connect to a server carry them too.
[[nodiscard]] bool looks_like_postgres(const Service& service);

// Where the cluster lies in the container: PGDATA, or where the official image has it.
[[nodiscard]] std::string data_directory(const engine::ContainerInfo& container);

// The mount that a path of the container lies on: the deepest at or above it; nothing if it is in the container itself.
[[nodiscard]] const engine::Mount* mount_of(const engine::ContainerInfo& container, std::string_view path);

// What holds the contents of these paths, mounts below them included: the Engine's names of volumes, and paths on the
// Engine's host of bind mounts. Each once.
[[nodiscard]] std::vector<std::string> mounts_holding(const engine::ContainerInfo& container,
                                                      const std::vector<std::string>& paths);

}  // namespace davit::sources
