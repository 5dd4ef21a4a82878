#pragma once
// Stacks for tests, made of the parts that the Engine would give.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sources/assemble.hpp"

namespace davit::test {

inline engine::Mount volume_mount(std::string name, std::string destination, bool writable = true) {
  return {"volume", name, "/var/lib/docker/volumes/" + name + "/_data", std::move(destination), "local", writable};
}
inline engine::Mount bind_mount(std::string source, std::string destination, bool writable = true) {
  return {"bind", "", std::move(source), std::move(destination), "", writable};
}

// A container of a service of the project "shop", whose raw answer holds what the fields say.
struct ContainerSketch {
  std::string service;
  std::vector<engine::Mount> mounts = {};
  bool running = true;
  engine::Labels labels = {};
  int number = 1;
  std::string network_mode = "shop_default";
};
[[nodiscard]] engine::ContainerInfo make_container(const ContainerSketch& sketch);
// A volume that Compose made for the key, or one of another's if `key` is empty.
[[nodiscard]] engine::VolumeInfo make_volume_info(const std::string& name, const std::string& key,
                                                  engine::Labels labels = {}, engine::Labels options = {});
// The stack "shop" in /srv/shop; throws where it can't be assembled.
[[nodiscard]] sources::Stack make_stack(sources::StackParts parts);
[[nodiscard]] std::vector<engine::ContainerInfo> running_of(const sources::Stack& stack);

}  // namespace davit::test
