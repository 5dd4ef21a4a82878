#include "sources/mount_item.hpp"

#include "sources/assemble.hpp"
#include "sources/host_path.hpp"

namespace davit::sources {

std::optional<model::ItemId> item_of_mount(const Stack& stack, const engine::Mount& mount) {
  if (mount.type == "volume") {
    const Volume* volume = stack.find_volume(mount.name);
    if (volume == nullptr || is_anonymous(volume->info)) return std::nullopt;
    return model::ItemId{model::ItemKind::volume, volume->key};
  }
  if (mount.type != "bind" || stack.project_dir.empty()) return std::nullopt;
  const auto below = path_below(normal_path(mount.source), normal_path(stack.project_dir));
  if (!below) return std::nullopt;
  return model::ItemId{model::ItemKind::bind, *below};
}

std::optional<model::ItemId> restored_with(model::ItemId id, const Takes& takes) {
  if (!takes) return std::nullopt;
  while (!takes(id) && id.kind == model::ItemKind::bind && id.name.contains('/'))
    id.name = id.name.substr(0, id.name.rfind('/'));
  if (!takes(id)) return std::nullopt;
  return id;
}

}  // namespace davit::sources
