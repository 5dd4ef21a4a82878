#include "sources/postgres/seat.hpp"

#include <memory>

#include "sources/assemble.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/recorded_volume.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;

// While an image makes its cluster, it runs a server that answers on the socket and goes away again. That one listens
// to no network, so a server is the real one if it listens, or is process 1 of the container, or has been the same for
// long.
class RealServer {
 public:
  RealServer(engine::Engine& engine, RunContext& run) : engine_(engine), run_(run) {}

  Result<bool> operator()(const engine::ContainerId& id) {
    auto server = Server::connect(engine_, id, run_);
    if (!server) {
      if (server.error().code() == Errc::cancelled || server.error().code() == Errc::not_found)
        return std::unexpected(std::move(server).error());
      started_.clear();
      return false;
    }
    auto rows = server->query(server->database(),
                              {"current_setting('listen_addresses')", "pg_postmaster_start_time()",
                               server->superuser() ? "split_part(pg_read_file('postmaster.pid'), E'\\n', 1)" : "null"},
                              "", run_);
    if (!rows || rows->size() != 1) return false;
    const Row& row = rows->front();
    const std::string started = row[1].value_or("");
    const auto now = run_.clock.steady();
    if (started != started_) {
      started_ = started;
      since_ = now;
    }
    const bool listens = !row[0].value_or("").empty();
    return now - since_ >= (listens || row[2] == "1" ? 1s : 60s);
  }

 private:
  engine::Engine& engine_;
  RunContext& run_;
  std::string started_;
  std::chrono::steady_clock::time_point since_;
};

// Of a service that runs: it may have been started a moment ago.
Result<> wait_until_real(engine::Engine& engine, const engine::ContainerId& id, RunContext& run) {
  RealServer real_server(engine, run);
  const auto deadline = run.clock.steady() + 2min;
  while (true) {
    TRY(run.check());
    TRY_ASSIGN(real, real_server(id));
    // Past the deadline, connecting says what is wrong.
    if (real || run.clock.steady() >= deadline) return {};
    run.clock.sleep_for(500ms);
  }
}

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

Result<Seat> Seat::take(helper::Host& host, const model::Item& item, const Target& target, RunContext& run) {
  const Seating seating = find_seating(item, target);
  if (seating.container == nullptr)
    return fail(Errc::not_found, "service " + item.id.name + " is neither in the stack nor in the backup's definition");
  Seat seat(host);
  if (seating.running) {
    TRY(wait_until_real(host.engine(), seating.container->id, run));
    TRY_ASSIGN(server, Server::connect(host.engine(), seating.container->id, run));
    seat.server_ = std::move(server);
    return seat;
  }
  if (auto started = seat.start(*seating.container, item, target, run); !started) {
    // The volumes are empty or hold half a cluster that nobody has seen yet.
    if (auto undone = seat.undo(); !undone) run.reporter.note(undone.error().message());
    return std::unexpected(std::move(started).error());
  }
  return seat;
}

Result<> Seat::start(const engine::ContainerInfo& container, const model::Item& item, const Target& target,
                     RunContext& run) {
  TRY(make_volumes(container, target));
  TRY_ASSIGN(held, hold_directory(container, run));
  run.reporter.note("starting PostgreSQL of service " + item.id.name + " in a one-off container");
  OneOffOptions options;
  options.purpose = "restore " + item.id.text();
  options.ready_within = 10min;
  const Stack* stack = target.recorded;
  if (stack != nullptr)
    if (const auto image = stack->images.find(container.image); image != stack->images.end())
      options.repo_digests = image->second.repo_digests;
  auto real_server = std::make_shared<RealServer>(*engine_, run);
  TRY_ASSIGN(started, OneOff::start(
                          *engine_, container, options,
                          [real_server](const engine::ContainerId& id) { return (*real_server)(id); }, run));
  one_off_ = std::move(started);
  if (held) TRY(held->close());
  TRY_ASSIGN(server, Server::connect(*engine_, one_off_->id(), run));
  server_ = std::move(server);
  return {};
}

Result<> Seat::make_volumes(const engine::ContainerInfo& container, const Target& target) {
  for (const engine::Mount& mount : container.mounts) {
    if (mount.type != "volume" || is_anonymous(mount.name)) continue;
    const Volume* recorded = recorded_volume(target, mount.name);
    engine::VolumeInfo info = recorded != nullptr ? recorded->info : engine::VolumeInfo{};
    info.name = mount.name;
    if (info.driver.empty()) info.driver = mount.driver.empty() ? "local" : mount.driver;
    TRY_ASSIGN(made, make_volume(*engine_, info));
    if (made) made_volumes_.push_back(mount.name);
  }
  return {};
}

// The Engine refuses a bind mount whose directory is gone, such as one that was deleted with the stack. A helper makes
// it, and takes it away again at its end if nothing has come into it.
Result<std::optional<helper::Session>> Seat::hold_directory(const engine::ContainerInfo& container, RunContext& run) {
  const engine::Mount* mount = mount_of(container, data_directory(container));
  if (mount == nullptr || mount->type != "bind") return std::nullopt;
  const helper::Place place{helper::Place::Kind::directory, mount->source, true};
  TRY_ASSIGN(session, helper::Session::open(*host_, place, helper::Access::write, run));
  return session;
}

Result<> Seat::remove_volumes() {
  Result<> result;
  for (const std::string& volume : made_volumes_)
    if (auto removed = engine_->remove_volume(volume); !removed && removed.error().code() != Errc::not_found)
      result = in_context(std::move(removed), "remove volume " + volume);
  made_volumes_.clear();
  return result;
}

Result<> Seat::close() {
  if (!one_off_) return {};
  auto closed = one_off_->close(120s);
  one_off_.reset();
  return in_context(std::move(closed), "stop PostgreSQL in its one-off container");
}

Result<> Seat::undo() {
  auto closed = close();
  auto removed = remove_volumes();
  return closed ? removed : closed;
}

}  // namespace davit::sources
