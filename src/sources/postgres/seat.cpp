#include "sources/postgres/seat.hpp"

#include <memory>
#include <nlohmann/json.hpp>

#include "sources/postgres/detect.hpp"
#include "sources/postgres/ready.hpp"
#include "sources/restore_entry.hpp"

namespace davit::sources {

using namespace std::chrono_literals;

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
    return std::unexpected(std::move(started).error());
  }
  return seat;
}

Result<> Seat::start(const engine::ContainerInfo& container, const model::Item& item, const Target& target,
                     ClusterEntry& entry, RunContext& run) {
  TRY(mounts_.make(container, target, run));
  const engine::Mount* data = mount_of(container, data_directory(container));
  entry.fresh = data != nullptr && mounts_.made(*data);
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
  TRY(mounts_.release_directories(run));
  TRY_ASSIGN(server, Server::connect(*engine_, one_off_->id(), run));
  server_ = std::move(server);
  return {};
}

Result<> Seat::close() {
  if (!one_off_) return {};
  auto closed = one_off_->close(120s);
  one_off_.reset();
  return in_context(std::move(closed), "stop PostgreSQL in its one-off container");
}

void Seat::leave() {
  if (one_off_) one_off_->release();
  one_off_.reset();
}

Result<> Seat::undo(RunContext& run) {
  auto closed = close();
  auto removed = mounts_.remove(run);
  return closed ? removed : closed;
}

}  // namespace davit::sources
