#include "sources/postgres/seat.hpp"

#include <memory>
#include <nlohmann/json.hpp>

#include "sources/assemble.hpp"
#include "sources/place_restore.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/postgres/ready.hpp"
#include "sources/recorded_volume.hpp"
#include "sources/restore_entry.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;

const Volume* recorded_volume(const Target& target, const std::string& name) {
  const Volume* found = target.recorded != nullptr ? target.recorded->find_volume(name) : nullptr;
  return found != nullptr || target.present == nullptr ? found : target.present->find_volume(name);
}

}  // namespace

Seating find_seating(const model::Item& item, const Target& target) {
  if (target.present != nullptr) {
    if (const Service* service = target.present->find_service(item.id.name)) {
      if (const engine::ContainerInfo* running = service->running_container()) return {running, true, false};
      if (!service->containers.empty()) return {&service->containers.front(), false, false};
    }
  }
  if (target.recorded != nullptr)
    if (const Service* service = target.recorded->find_service(item.id.name); service && !service->containers.empty())
      return {&service->containers.front(), false, true};
  return {};
}

Result<Seat> Seat::take(helper::Host& host, const model::Item& item, const Target& target, ClusterEntry& entry,
                        RunContext& run) {
  const Seating seating = find_seating(item, target);
  if (seating.container == nullptr)
    return fail(Errc::not_found, "service " + item.id.name + " is neither in the stack nor in the backup's definition");
  Seat seat(host, target.journal);
  entry.one_off = !seating.running;
  if (seating.running) {
    entry.container = seating.container->id.value;
    TRY(wait_until_real(host.engine(), seating.container->id, run));
    TRY_ASSIGN(server, Server::connect(host.engine(), seating.container->id, run));
    seat.server_ = std::move(server);
    return seat;
  }
  if (auto started = seat.start(*seating.container, item, target, entry, run); !started) {
    // The volumes are empty or hold half a cluster that nobody has seen yet.
    if (auto undone = seat.undo(run); !undone)
      run.reporter.warning(undone.error().message());
    else
      strike(target.journal, entry.key(), run);
    if (seat.held_place_) strike(target.journal, place_key(*seat.held_place_), run);
    return std::unexpected(std::move(started).error());
  }
  return seat;
}

Result<> Seat::start(const engine::ContainerInfo& container, const model::Item& item, const Target& target,
                     ClusterEntry& entry, RunContext& run) {
  TRY(make_volumes(container, target, entry, run));
  TRY_ASSIGN(held, hold_directory(container, run));
  run.reporter.note("starting PostgreSQL of service " + item.id.name + " in a one-off container");
  OneOffOptions options;
  options.purpose = "restore " + item.id.text();
  options.name = entry.container = one_off_name(run.run_id);
  options.ready_within = 10min;
  const Stack* stack = target.recorded;
  if (stack != nullptr)
    if (const auto image = stack->images.find(container.image); image != stack->images.end())
      options.repo_digests = image->second.repo_digests;
  if (journal_ != nullptr) TRY(journal_->record(entry.key(), to_json(entry)));
  auto real_server = std::make_shared<RealServer>(*engine_, run);
  TRY_ASSIGN(started, OneOff::start(
                          *engine_, container, options,
                          [real_server](const engine::ContainerId& id) { return (*real_server)(id); }, run));
  one_off_ = std::move(started);
  if (held && held_place_) {
    TRY(held->close());
    strike(journal_, place_key(*held_place_), run);
  }
  TRY_ASSIGN(server, Server::connect(*engine_, one_off_->id(), run));
  server_ = std::move(server);
  return {};
}

Result<> Seat::make_volumes(const engine::ContainerInfo& container, const Target& target, ClusterEntry& entry,
                            RunContext& run) {
  const engine::Mount* data = mount_of(container, data_directory(container));
  for (const engine::Mount& mount : container.mounts) {
    if (mount.type != "volume" || is_anonymous(mount.name)) continue;
    const Volume* recorded = recorded_volume(target, mount.name);
    engine::VolumeInfo info = recorded != nullptr ? recorded->info : engine::VolumeInfo{};
    info.name = mount.name;
    if (info.driver.empty()) info.driver = mount.driver.empty() ? "local" : mount.driver;
    const auto record = [&](bool filled) -> Result<> {
      if (journal_ == nullptr) return {};
      return journal_->record(volume_key(mount.name), to_json(VolumeEntry{run.run_id, mount.name, filled}));
    };
    // Until it is ours, somebody else may make it and fill it.
    TRY_ASSIGN(made, make_volume(*engine_, info, [&] { return record(false); }));
    if (!made) continue;
    made_volumes_.push_back(mount.name);
    TRY(record(true));
    if (&mount == data) entry.fresh = true;
  }
  return {};
}

// The Engine refuses a bind mount whose directory is gone, such as one that was deleted with the stack. A helper makes
// it, and takes it away again at its end if nothing has come into it.
Result<std::optional<helper::Session>> Seat::hold_directory(const engine::ContainerInfo& container, RunContext& run) {
  const engine::Mount* mount = mount_of(container, data_directory(container));
  if (mount == nullptr || mount->type != "bind") return std::nullopt;
  helper::Place place{helper::Place::Kind::directory, mount->source, false};
  TRY_ASSIGN(seen, glance_at_place(*host_, place, run));
  if (seen.exists) return std::nullopt;
  if (journal_ != nullptr)
    TRY(journal_->record(place_key(place), to_json(PlaceEntry{run.run_id, place, false, {place.source}})));
  held_place_ = place;
  place.create = true;
  TRY_ASSIGN(session, helper::Session::open(*host_, place, helper::Access::write, run));
  return session;
}

Result<> Seat::remove_volumes(RunContext& run) {
  Result<> result;
  for (const std::string& volume : made_volumes_) {
    if (auto removed = engine_->remove_volume(volume); !removed && removed.error().code() != Errc::not_found)
      result = in_context(std::move(removed), "remove volume " + volume);
    else
      strike(journal_, volume_key(volume), run);
  }
  made_volumes_.clear();
  return result;
}

Result<> Seat::close() {
  if (!one_off_) return {};
  auto closed = one_off_->close(120s);
  one_off_.reset();
  return in_context(std::move(closed), "stop PostgreSQL in its one-off container");
}

void Seat::keep_volumes(RunContext& run) {
  for (const std::string& volume : made_volumes_) strike(journal_, volume_key(volume), run);
  made_volumes_.clear();
}

void Seat::leave() {
  if (one_off_) one_off_->release();
  one_off_.reset();
}

Result<> Seat::undo(RunContext& run) {
  auto closed = close();
  auto removed = remove_volumes(run);
  return closed ? removed : closed;
}

}  // namespace davit::sources
