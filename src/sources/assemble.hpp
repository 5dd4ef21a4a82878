#pragma once
// From the objects of the Engine to a Stack: which container belongs to which service, which volume goes by which key.
// Pure; the same for a stack that runs and for one that a backup recorded.

#include <string>
#include <string_view>
#include <vector>

#include "sources/stack.hpp"

namespace davit::sources {

struct StackParts {
  std::vector<engine::ContainerInfo> containers = {};  // of the project; one-off runs may be among them
  std::vector<engine::VolumeInfo> volumes = {};        // of the project, and what its containers mount
  std::vector<engine::NetworkInfo> networks = {};
  std::vector<engine::ImageInfo> images = {};
};

// How labels that are wrong are taken: a live stack is refused (Errc::usage); in a recorded one they count for nothing,
// since a newer davit may have written them.
enum class LabelErrors { refuse, ignore };
[[nodiscard]] Result<Stack> assemble(std::string name, StackParts parts, LabelErrors errors);

// The project's image of a container: by its id, else by a tag that is the container's reference; or nothing.
[[nodiscard]] const engine::ImageInfo* image_of(const engine::ContainerInfo& container,
                                                const std::vector<engine::ImageInfo>& images);

// An anonymous volume has 64 hex digits for a name, and no key of Compose.
[[nodiscard]] bool is_anonymous(std::string_view engine_name);
[[nodiscard]] bool is_anonymous(const engine::VolumeInfo& volume);

}  // namespace davit::sources
