#include "app/restored_places.hpp"

#include <algorithm>

#include "sources/files_plan.hpp"
#include "sources/host_path.hpp"
#include "sources/path_need.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/postgres/made_mounts.hpp"

namespace davit::app {

using model::ItemKind;
using sources::normal_path;

namespace {

// Calls `take` with where each file of it goes.
template <class Take>
Result<> each_file(const model::Item& item, const RestorePlan& plan, Take take) {
  const std::string directory =
      item.id.name == "project" ? plan.project_dir : normal_path(model::attribute(item.attributes, "path"));
  for (const model::Artefact& artefact : item.artefacts) {
    TRY_ASSIGN(files, sources::recorded_files(artefact));
    for (const sources::RecordedFile& file : files) take(normal_path(file.path, directory));
  }
  return {};
}

}  // namespace

Result<RestoredPlaces> RestoredPlaces::of(const RestorePlan& plan, const Selection& selection) {
  RestoredPlaces places;
  if (plan.project_dir.starts_with('/')) places.project_dir_ = normal_path(plan.project_dir);
  for (const model::Item& item : plan.manifest.items) {
    auto added = selection.takes(item.id) ? places.add(item, plan) : places.add_left_out(item, plan);
    TRY(in_context(std::move(added), item.id.text()));
  }
  for (const std::string& need : plan.manifest.needs)
    if (const auto path = sources::needed_path(need)) places.needed_.insert(plan.moved(normal_path(*path)));
  return places;
}

Result<> RestoredPlaces::add_left_out(const model::Item& item, const RestorePlan& plan) {
  if (item.id.kind != ItemKind::files) return {};
  return each_file(item, plan, [&](std::string path) { needed_.insert(std::move(path)); });
}

Result<> RestoredPlaces::add(const model::Item& item, const RestorePlan& plan) {
  switch (item.id.kind) {
    case ItemKind::volume:
      volumes_.insert(model::attribute(item.attributes, "volume"));
      break;
    case ItemKind::bind:
      paths_.insert(normal_path(item.id.name, plan.project_dir));
      break;
    case ItemKind::files:
      return each_file(item, plan, [&](std::string path) { paths_.insert(std::move(path)); });
    case ItemKind::postgres:
      if (const sources::Service* service = plan.recorded.find_service(item.id.name))
        add_cluster(*service, plan.recorded);
      break;
    default:
      break;
  }
  return {};
}

// The one-off server that it is restored in gets them made.
void RestoredPlaces::add_cluster(const sources::Service& service, const sources::Stack& stack) {
  const engine::ContainerInfo& container = service.containers.front();
  for (const engine::Mount& mount : container.mounts)
    if (sources::is_made_for_server(container, mount, stack)) volumes_.insert(mount.name);
  const engine::Mount* data = sources::mount_of(container, sources::data_directory(container));
  if (data != nullptr && data->type == "bind") paths_.insert(normal_path(data->source));
}

bool RestoredPlaces::has_path(std::string_view path) const {
  const std::string wanted = normal_path(path);
  return std::ranges::any_of(paths_, [&](const std::string& restored) {
    return sources::path_below(wanted, restored) || sources::path_below(restored, wanted);
  });
}

bool RestoredPlaces::may_make(std::string_view path) const {
  const std::string wanted = normal_path(path);
  return !project_dir_.empty() && sources::path_below(wanted, project_dir_) && !needed_.contains(wanted);
}

}  // namespace davit::app
