#pragma once
// What the Docker Engine says of its objects, as far as davit uses it. Field names follow the Engine API
// (https://docs.docker.com/reference/api/engine/version/v1.41/). `raw` keeps the whole answer as JSON text, for what
// must be recorded or given back verbatim.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace davit::engine {

using Labels = std::map<std::string, std::string, std::less<>>;

struct ContainerId {
  std::string value;  // 64 hex digits as the Engine gives them, or a name where a user gave one
  bool operator==(const ContainerId&) const = default;
};

// An id of 64 digits in its short form of 12, a name as it is: for messages.
[[nodiscard]] std::string short_id(std::string_view id);

struct Mount {
  std::string type;         // "volume", "bind", "tmpfs"
  std::string name;         // volume: its name
  std::string source;       // path on the Engine's host
  std::string destination;  // path in the container
  std::string driver;       // volume: its driver
  bool writable = false;
};

struct ContainerState {
  std::string status;  // "created", "running", "paused", "restarting", "removing", "exited", "dead"
  bool running = false;
  bool paused = false;
  int exit_code = 0;
  std::string error;                  // why it could not start
  std::optional<std::string> health;  // "starting", "healthy", "unhealthy"; nothing without a health check
};

struct ContainerInfo {
  ContainerId id;
  std::string name;      // without the leading slash
  std::string image;     // as the container was created with: "postgres:17"
  std::string image_id;  // "sha256:…"
  Labels labels;
  std::vector<std::string> env;  // NAME=value; may hold secrets: never shown, logged or put into a manifest
  std::vector<Mount> mounts;
  ContainerState state;
  std::string network_mode;
  std::string user;      // Config.User
  std::string hostname;  // Config.Hostname
  std::string raw;

  [[nodiscard]] std::optional<std::string> env_value(std::string_view name) const;
};

struct ContainerSummary {
  ContainerId id;
  std::string name;
  std::string image;
  std::string state;
  Labels labels;
};

struct VolumeInfo {
  std::string name;
  std::string driver;
  std::string scope;  // "local", "global"
  Labels labels;
  Labels options;  // may hold secrets (a share's password)
  std::string raw;
};

struct NetworkInfo {
  std::string id;
  std::string name;
  std::string driver;
  Labels labels;
  std::string raw;
};

struct ImageInfo {
  std::string id;  // "sha256:…"
  std::vector<std::string> repo_tags;
  std::vector<std::string> repo_digests;  // "postgres@sha256:…"; empty for an image that was never pulled or pushed
  std::string os;
  std::string architecture;
  Labels labels;
  std::string raw;
};

struct EngineVersion {
  std::string version;      // "20.10.24"
  std::string api_version;  // what we speak: the lower of theirs and ours
  std::string max_api_version;
  std::string min_api_version;
  std::string os;
  std::string arch;
};

}  // namespace davit::engine
