#include "sources/relocate.hpp"

#include "util/text.hpp"

namespace davit::sources {
namespace {

// The local driver mounts what it is told to: "o": "bind,rw", "device": "/srv/shop/data".
bool is_bound(const engine::VolumeInfo& volume) {
  const auto options = volume.options.find("o");
  if (options == volume.options.end()) return false;
  for (const std::string& option : split(options->second, ','))
    if (option == "bind" || option == "rbind") return true;
  return false;
}

}  // namespace

void relocate(Stack& stack, const MovedPaths& moved) {
  stack.project_dir = moved(stack.project_dir);
  for (std::string& file : stack.config_files) file = moved(file);
  for (std::string& file : stack.env_files) file = moved(file);
  for (Service& service : stack.services)
    for (engine::ContainerInfo& container : service.containers)
      for (engine::Mount& mount : container.mounts)
        if (mount.type == "bind") mount.source = moved(mount.source);
  for (Volume& volume : stack.volumes)
    if (const auto device = volume.info.options.find("device"); device != volume.info.options.end())
      if (is_bound(volume.info)) device->second = moved(device->second);
}

}  // namespace davit::sources
