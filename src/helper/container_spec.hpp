#pragma once
// What a helper's container, and others of ours, look like to the Engine. Pure: the body of POST /containers/create,
// and what is put in.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "helper/session.hpp"

namespace davit::helper {

// A volume of the container's own is mounted here, for what is put into it before it starts: the Engine writes into a
// volume of a container that was not started yet, where it refuses a read-only root.
inline constexpr const char* kToolPath = "/davit";
inline constexpr const char* kProgramName = "davit";
inline constexpr const char* kSecretsName = "secrets";
// Where the program is in an image that was imported from our own executable.
inline constexpr const char* kImageProgram = "/davit-helper";

inline constexpr std::string_view kHelperRole = "helper";

// How the place is mounted at kPlacePath.
struct PlaceMount {
  Place place;
  Access access = Access::read;
  std::string create;  // not empty: the parent is mounted, and the helper makes this directory in it
  // A directory that holds the Engine's own root is not bound privately, since the Engine could not unmount there what
  // it has mounted; any other may lie on a mount that nobody can follow.
  bool follows_host = false;
};

// What all containers of ours have in common: no capability, no new privileges, a read-only root, no log, and a volume
// of their own at kToolPath.
struct OwnContainerSpec {
  std::string image;
  std::string program;  // path in the container
  engine::Labels labels;
  std::vector<std::string> arguments;
  std::string network_mode = "none";
};
[[nodiscard]] nlohmann::json create_body(const OwnContainerSpec& spec);

struct ContainerSpec {
  std::string image;
  std::string program;  // path in the container
  engine::Labels labels;
  std::string network_mode;  // "container:<id>", "host", "none"
  std::string socket;        // name in the abstract namespace; empty: attached streams only
  PlaceMount mount;
};

[[nodiscard]] nlohmann::json create_body(const ContainerSpec& spec);
// "davit-helper-<start of the run's id>-<random>"
[[nodiscard]] std::string container_name(const std::string& run_id);

// A regular file of root's, put into a container or an image.
struct FileToPut {
  std::string name;  // relative
  std::uint32_t mode = 0;
  std::string_view contents;
};
// An uncompressed tar of them.
[[nodiscard]] Result<std::string> pack_files(const std::vector<FileToPut>& files);

}  // namespace davit::helper
