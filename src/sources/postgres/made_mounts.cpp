#include "sources/postgres/made_mounts.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ranges>

#include "sources/assemble.hpp"
#include "sources/compose_labels.hpp"
#include "sources/own_directory.hpp"
#include "sources/place_restore.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/recorded_volume.hpp"
#include "sources/restore_entry.hpp"

namespace davit::sources {
namespace {

const Volume* recorded_volume(const Target& target, const std::string& name) {
  const Volume* found = target.recorded != nullptr ? target.recorded->find_volume(name) : nullptr;
  return found != nullptr || target.present == nullptr ? found : target.present->find_volume(name);
}

}  // namespace

bool is_made_for_server(const engine::ContainerInfo& container, const engine::Mount& mount, const Stack& stack) {
  if (mount.type != "volume") return false;
  const Volume* volume = stack.find_volume(mount.name);
  return volume == nullptr || is_anonymous(volume->info) ||
         compose::label(volume->info.labels, compose::kProject) == stack.name ||
         mount_of(container, data_directory(container)) == &mount;
}

Result<> MadeMounts::make(const engine::ContainerInfo& container, const Target& target, RunContext& run) {
  TRY(make_volumes(container, target, run));
  return hold_directories(container, run);
}

bool MadeMounts::made(const engine::Mount& mount) const {
  return mount.type == "volume" && std::ranges::contains(volumes_, mount.name);
}

Result<> MadeMounts::make_volumes(const engine::ContainerInfo& container, const Target& target, RunContext& run) {
  // One without a name of its user's is of use to a container only that is made along, and finds it by its name.
  const bool made_along = target.starts && target.starts(compose::label(container.labels, compose::kService));
  for (const engine::Mount& mount : container.mounts) {
    if (mount.type != "volume" || (is_anonymous(mount.name) && !made_along)) continue;
    const Volume* recorded = recorded_volume(target, mount.name);
    if (target.recorded != nullptr && !is_made_for_server(container, mount, *target.recorded)) {
      const auto present = host_->engine().inspect_volume(mount.name);
      if (!present && present.error().code() == Errc::not_found)
        return fail(
            Errc::not_found,
            "volume " + mount.name + ", which " + container.name + " mounts and which isn't the stack's, is missing",
            "make it and fill it: docker volume create " + mount.name);
      if (!present) return std::unexpected(present.error());
      continue;
    }
    engine::VolumeInfo info = recorded != nullptr ? recorded->info : engine::VolumeInfo{};
    info.name = mount.name;
    if (info.driver.empty()) info.driver = mount.driver.empty() ? "local" : mount.driver;
    const auto record = [&](bool filled) -> Result<> {
      if (journal_ == nullptr) return {};
      return journal_->record(volume_key(mount.name), to_json(VolumeEntry{run.run_id, mount.name, filled}));
    };
    // Until it is ours, somebody else may make it and fill it.
    TRY_ASSIGN(made, make_volume(host_->engine(), info, [&] { return record(false); }));
    if (!made) continue;
    volumes_.push_back(mount.name);
    TRY(record(true));
  }
  return {};
}

// The Engine refuses a bind mount whose directory is gone, such as one that was deleted with the stack, or davit's own
// on a new host. A helper makes it, and takes it away again at its end if nothing has come into it.
Result<> MadeMounts::hold_directories(const engine::ContainerInfo& container, RunContext& run) {
  const engine::Mount* data = mount_of(container, data_directory(container));
  for (const engine::Mount& mount : container.mounts)
    if (mount.type == "bind" && (&mount == data || is_own_directory(mount.source)))
      TRY(hold_directory(mount.source, run));
  return {};
}

Result<> MadeMounts::hold_directory(const std::string& path, RunContext& run) {
  const helper::Place place{helper::Place::Kind::directory, path, false};
  TRY_ASSIGN(missing, missing_directories(*host_, path, run));
  if (missing.empty()) return {};
  if (journal_ != nullptr)
    TRY(journal_->record(place_key(place), to_json(PlaceEntry{run.run_id, place, false, missing})));
  Held& held = held_.emplace_back(place);
  for (const std::string& directory : missing | std::views::reverse) {
    const helper::Place made{helper::Place::Kind::directory, directory, true};
    TRY_ASSIGN(session, helper::Session::open(*host_, made, helper::Access::write, run));
    held.makers.push_back(std::move(session));
  }
  return {};
}

// The deepest first: one that isn't empty keeps those above it.
Result<> MadeMounts::Held::end() {
  Result<> result;
  for (; !makers.empty(); makers.pop_back())
    if (auto closed = makers.back().close(); !closed) result = std::move(closed);
  return result;
}

Result<> MadeMounts::release_directories(RunContext& run) {
  Result<> result;
  for (; !held_.empty(); held_.pop_back()) {
    if (auto ended = held_.back().end(); !ended)
      result = std::move(ended);
    else
      strike(journal_, place_key(held_.back().place), run);
  }
  return result;
}

Result<> MadeMounts::remove(RunContext& run) {
  Result<> result;
  for (const std::string& volume : volumes_) {
    if (auto removed = host_->engine().remove_volume(volume); !removed && removed.error().code() != Errc::not_found)
      result = in_context(std::move(removed), "remove volume " + volume);
    else
      strike(journal_, volume_key(volume), run);
  }
  volumes_.clear();
  // Best effort: what a helper can't take away again any more, nobody needs.
  for (; !held_.empty(); held_.pop_back()) {
    if (const auto ended = held_.back().end(); !ended) run.reporter.warning(ended.error().message());
    strike(journal_, place_key(held_.back().place), run);
  }
  return result;
}

void MadeMounts::keep(RunContext& run) {
  if (const auto released = release_directories(run); !released) run.reporter.warning(released.error().message());
  for (const std::string& volume : volumes_) strike(journal_, volume_key(volume), run);
  volumes_.clear();
}

}  // namespace davit::sources
