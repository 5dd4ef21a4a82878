#include "sources/relocate.hpp"

#include "sources/recorded_volume.hpp"

namespace davit::sources {
void relocate(Stack& stack, const MovedPaths& moved) {
  stack.project_dir = moved(stack.project_dir);
  for (std::string& file : stack.config_files) file = moved(file);
  for (std::string& file : stack.env_files) file = moved(file);
  for (Service& service : stack.services)
    for (engine::ContainerInfo& container : service.containers)
      for (engine::Mount& mount : container.mounts)
        if (mount.type == "bind") mount.source = moved(mount.source);
  for (Volume& volume : stack.volumes)
    if (const auto device = bound_directory(volume.info)) volume.info.options["device"] = moved(*device);
}

}  // namespace davit::sources
