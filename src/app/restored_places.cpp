#include "app/restored_places.hpp"

#include <algorithm>

#include "sources/files_plan.hpp"
#include "sources/host_path.hpp"
#include "sources/postgres/detect.hpp"

namespace davit::app {

using model::ItemKind;
using sources::normal_path;

Result<RestoredPlaces> RestoredPlaces::of(const RestorePlan& plan, const Selection& selection) {
  RestoredPlaces places;
  for (const model::Item& item : plan.manifest.items)
    if (selection.takes(item.id)) TRY(in_context(places.add(item, plan), item.id.text()));
  return places;
}

Result<> RestoredPlaces::add(const model::Item& item, const RestorePlan& plan) {
  switch (item.id.kind) {
    case ItemKind::volume:
      volumes_.insert(model::attribute(item.attributes, "volume"));
      break;
    case ItemKind::bind:
      paths_.insert(normal_path(item.id.name, plan.project_dir));
      break;
    case ItemKind::files: {
      const std::string directory =
          item.id.name == "project" ? plan.project_dir : normal_path(model::attribute(item.attributes, "path"));
      for (const model::Artefact& artefact : item.artefacts) {
        TRY_ASSIGN(files, sources::recorded_files(artefact));
        for (const sources::RecordedFile& file : files) paths_.insert(normal_path(file.path, directory));
      }
      break;
    }
    case ItemKind::postgres:
      if (const sources::Service* service = plan.recorded.find_service(item.id.name)) add_cluster(*service);
      break;
    default:
      break;
  }
  return {};
}

// The one-off server that it is restored in gets them made.
void RestoredPlaces::add_cluster(const sources::Service& service) {
  const engine::ContainerInfo& container = service.containers.front();
  for (const engine::Mount& mount : container.mounts)
    if (mount.type == "volume") volumes_.insert(mount.name);
  const engine::Mount* data = sources::mount_of(container, sources::data_directory(container));
  if (data != nullptr && data->type == "bind") paths_.insert(normal_path(data->source));
}

bool RestoredPlaces::has_path(std::string_view path) const {
  const std::string wanted = normal_path(path);
  return std::ranges::any_of(paths_, [&](const std::string& restored) {
    return sources::path_below(wanted, restored) || sources::path_below(restored, wanted);
  });
}

}  // namespace davit::app
