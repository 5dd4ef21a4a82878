#include "sources/postgres/settle.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "sources/compose_labels.hpp"
#include "sources/one_off.hpp"
#include "sources/place_restore.hpp"
#include "sources/postgres/cluster_undo.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/postgres/ready.hpp"
#include "sources/postgres/sql_text.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

// Behind a restart of the Engine, which starts this one and the service's container at about the same time.
constexpr auto kRestart = 30s;
constexpr auto kStopGrace = 120s;

Result<std::optional<engine::ContainerInfo>> find(engine::Engine& engine, const std::string& container) {
  auto info = engine.inspect_container({container});
  if (info) return *std::move(info);
  if (info.error().code() == Errc::not_found) return std::nullopt;
  return std::unexpected(std::move(info).error());
}

// The service's container, one that runs before one that doesn't: it may have been made anew.
Result<std::optional<engine::ContainerInfo>> find_service(engine::Engine& engine, const ClusterEntry& entry) {
  const auto is = [](std::string_view label, const std::string& value) { return std::string(label) + "=" + value; };
  TRY_ASSIGN(listed, engine.list_containers(
                         {.all = true,
                          .labels = {is(compose::kProject, entry.project), is(compose::kService, entry.service)},
                          .names = {}}));
  std::optional<engine::ContainerInfo> found;
  for (const engine::ContainerSummary& summary : listed) {
    if (compose::label(summary.labels, compose::kOneOff) == "True") continue;
    TRY_ASSIGN(info, find(engine, summary.id.value));
    if (info && (!found || (info->state.running && !found->state.running))) found = std::move(info);
  }
  return found;
}

// Two servers on one cluster destroy it.
Result<> refuse_second_server(engine::Engine& engine, const engine::ContainerInfo& container, const RunContext& run) {
  const engine::Mount* data = mount_of(container, data_directory(container));
  if (data == nullptr) return {};
  TRY_ASSIGN(running, running_containers(engine, run));
  for (const engine::ContainerInfo& other : running)
    for (const engine::Mount& mount : other.mounts)
      if (other.id != container.id && mount.type == data->type && mount.name == data->name &&
          mount.source == data->source)
        return fail(Errc::unavailable, "its data is in use by " + other.name);
  return {};
}

Result<OneOff> start_one_off(engine::Engine& engine, const engine::ContainerInfo& container, const ClusterEntry& entry,
                             RunContext& run) {
  if (mount_of(container, data_directory(container)) == nullptr)
    return fail(Errc::unavailable, "its data is in the container " + container.name + " itself, which doesn't run");
  TRY(refuse_second_server(engine, container, run));
  OneOffOptions options;
  options.purpose = "put right the databases of service " + entry.service;
  RealServer real_server(engine, run);
  return OneOff::start(engine, container, options, [&](const engine::ContainerId& id) { return real_server(id); }, run);
}

// Where the cluster has its server now.
class Venue {
 public:
  static Result<Venue> find_or_start(engine::Engine& engine, const ClusterEntry& entry, RunContext& run) {
    Venue venue;
    const auto deadline = run.clock.steady() + kRestart;
    while (true) {
      TRY(run.check());
      TRY_ASSIGN(recorded, find(engine, entry.container));
      if (recorded && recorded->state.running) return at(std::move(venue), engine, recorded->id, run);
      TRY_ASSIGN(service, find_service(engine, entry));
      if (service && service->state.running) return at(std::move(venue), engine, service->id, run);
      if (recorded && entry.one_off) {
        TRY(refuse_second_server(engine, *recorded, run));
        TRY(engine.start_container(recorded->id));
        return at(std::move(venue), engine, recorded->id, run);
      }
      if (run.clock.steady() >= deadline) {
        if (!service) return fail(Errc::unavailable, "it has no container any more");
        TRY_ASSIGN(one_off, start_one_off(engine, *service, entry, run));
        const engine::ContainerId id = one_off.id();
        venue.one_off_ = std::move(one_off);
        return at(std::move(venue), engine, id, run);
      }
      run.clock.sleep_for(500ms);
    }
  }

  [[nodiscard]] const Server& server() const { return *server_; }
  Result<> close() { return one_off_ ? one_off_->close(kStopGrace) : Result<>(); }

 private:
  static Result<Venue> at(Venue venue, engine::Engine& engine, const engine::ContainerId& id, RunContext& run) {
    TRY(wait_until_real(engine, id, run));
    TRY_ASSIGN(server, Server::connect(engine, id, run));
    venue.server_ = std::move(server);
    return venue;
  }

  std::optional<OneOff> one_off_;  // ours, and not the run's
  std::optional<Server> server_;
};

// That of the run. A server that is removed without having been stopped leaves a cluster that must recover.
Result<> close_one_off(engine::Engine& engine, const ClusterEntry& entry) {
  if (!entry.one_off) return {};
  TRY_ASSIGN(container, find(engine, entry.container));
  if (!container) return {};
  if (container->state.running) TRY(engine.stop_container(container->id, kStopGrace));
  return engine.remove_container(container->id, true);
}

// Commands in a container go on without the davit that began them, each for a moment; but what fills a database may
// take long, and ends when that is dropped.
Result<> wait_for_commands(const Server& server, const ClusterEntry& entry, RunContext& run) {
  std::string fresh = "''";
  for (const Replacement& each : entry.replacements) fresh += "," + quote_literal(each.fresh_name);
  for (int poll = 0; poll < 50; ++poll) {
    TRY_ASSIGN(sessions,
               server.query(server.database(), {"pid"},
                            "from pg_stat_activity where pid <> pg_backend_pid() and application_name = 'davit' and "
                            "datname not in (" +
                                fresh + ")",
                            run));
    if (sessions.empty()) return {};
    run.clock.sleep_for(200ms);
  }
  return {};
}

Result<> settle_in_server(engine::Engine& engine, const ClusterEntry& entry, bool decided, RunContext& run) {
  TRY_ASSIGN(venue,
             in_context(Venue::find_or_start(engine, entry, run), "connect to the server of service " + entry.service));
  if (decided) {
    TRY(drop_old(venue.server(), entry, run));
  } else {
    TRY(wait_for_commands(venue.server(), entry, run));
    TRY(lead_back(venue.server(), entry, false, run));
  }
  return venue.close();
}

}  // namespace

Result<Lines> settle_cluster(helper::Host& host, const nlohmann::json& object, bool decided, RunContext& run) {
  TRY_ASSIGN(entry, cluster_entry_from(object));
  engine::Engine& engine = host.engine();
  RunContext dead{entry.run, run.clock, run.reporter, run.stop, run.owner};
  const std::string what = "restore " + entry.run + ": the databases of service " + entry.service;
  if (!decided && entry.fresh) {
    // They go with the volume that was made for them.
    TRY_ASSIGN(one_off, entry.one_off ? find(engine, entry.container) : Result<std::optional<engine::ContainerInfo>>());
    if (one_off) TRY(engine.remove_container(one_off->id, true));
    return Lines{};
  }
  const bool has_old =
      std::ranges::any_of(entry.replacements, [](const Replacement& each) { return each.old_oid.has_value(); });
  const bool touched = decided ? has_old
                               : !entry.replacements.empty() || !entry.roles.empty() || !entry.tablespaces.empty() ||
                                     !entry.directories.empty();
  if (touched)
    if (auto settled = settle_in_server(engine, entry, decided, dead); !settled)
      return std::unexpected(std::move(settled).error().context(what).hint_if_none(
          "start the service: docker compose up -d " + entry.service));
  TRY(in_context(close_one_off(engine, entry), what));
  return Lines{what + (decided   ? " are finished"
                       : touched ? " have their old contents again"
                                 : " have their old contents")};
}

}  // namespace davit::sources
