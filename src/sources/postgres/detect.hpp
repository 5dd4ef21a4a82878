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

// Where in the container a cluster's files are: its data directory; its transaction log and its tablespaces elsewhere.
struct HeldPaths {
  std::string data;
  std::vector<std::string> others = {};
};

// A mount with files of a cluster.
struct HeldMount {
  std::string name;  // the Engine's name of a volume, the path on the Engine's host of a bind mount
  bool volume = true;
  std::vector<std::string> other_users;  // services that have it, or a part of it, mounted too
  std::string room_at;  // where it is mounted, if the data directory is one directory of it among others

  // Why a dump of the cluster doesn't stand for its contents; empty if it does: nobody else uses the mount, and it is
  // the data directory, lies in it, or is where images of servers have nothing else. Tablespaces and transaction logs
  // count as all that a mount of the server's own is for.
  [[nodiscard]] std::string why_copied() const;
};

// The mounts that hold the contents of these paths, those below them included. Each once.
[[nodiscard]] std::vector<HeldMount> mounts_holding(const Stack& stack, const Service& service,
                                                    const engine::ContainerInfo& container, const HeldPaths& paths);

}  // namespace davit::sources
