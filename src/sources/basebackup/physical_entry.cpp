#include "sources/basebackup/physical_entry.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sources/basebackup/lone_server.hpp"
#include "sources/compose_labels.hpp"
#include "sources/dead_run.hpp"
#include "sources/restore_entry.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;
using Lines = std::vector<std::string>;

// Who settles it holds nothing that would have to be put right if he died: then it is settled again.
class NoJournal : public Journal {
 public:
  Result<> record(std::string_view, const json&) override { return {}; }
  Result<> strike(std::string_view) override { return {}; }
};

// The container itself, or the one that Compose has made in its place.
Result<std::optional<engine::ContainerInfo>> find_container(engine::Engine& engine, const PhysicalEntry& entry) {
  auto there = engine.inspect_container({entry.container});
  if (there) return *std::move(there);
  if (there.error().code() != Errc::not_found) return std::unexpected(std::move(there).error());
  if (entry.project.empty()) return std::nullopt;
  TRY_ASSIGN(found, engine.list_containers({.labels = {std::string(compose::kProject) + "=" + entry.project,
                                                       std::string(compose::kService) + "=" + entry.service},
                                            .names = {}}));
  if (found.empty()) return std::nullopt;
  TRY_ASSIGN(container, engine.inspect_container(found.front().id));
  return container;
}

Result<> put_right(ServerControl control, bool start, bool decided, RunContext& run) {
  if (!decided) return lead_back(control, start, run);
  TRY_ASSIGN(left, DataSwap(control.cluster).state(run));
  if (left == DataSwap::State::none) return {};
  return left == DataSwap::State::swapped || left == DataSwap::State::done ? DataSwap(control.cluster).finish(run)
                                                                           : DataSwap(control.cluster).clear(run);
}

}  // namespace

json to_json(const PhysicalEntry& entry) {
  return {{"kind", "physical"},           {"run", entry.run}, {"names", names_to_json({entry.project, entry.service})},
          {"container", entry.container}, {"ran", entry.ran}, {"fresh", entry.fresh}};
}

Result<PhysicalEntry> physical_entry_from(const json& object) {
  try {
    PhysicalEntry entry;
    entry.run = object.at("run").get<std::string>();
    TRY_ASSIGN(names, names_from_json(object.at("names")));
    if (names.size() != 2) return fail(Errc::corrupt, "the journal has an entry of a cluster without its service");
    entry.project = names[0];
    entry.service = names[1];
    entry.container = object.at("container").get<std::string>();
    entry.ran = object.at("ran").get<bool>();
    entry.fresh = object.at("fresh").get<bool>();
    return entry;
  } catch (const json::exception& error) {
    return fail(Errc::corrupt, std::string("the journal has an entry of a cluster of another form: ") + error.what());
  }
}

Result<Lines> settle_physical_entry(engine::Engine& engine, const json& object, bool decided,
                                    const ControlOf& control_of, RunContext& run) {
  TRY_ASSIGN(entry, physical_entry_from(object));
  TRY(sweep_one_offs(engine, all_but(entry.run)));
  if (entry.fresh && !decided) return Lines{};
  const std::string what = "restore " + entry.run + ": the cluster of service " + entry.service;
  TRY_ASSIGN(container, find_container(engine, entry));
  if (!container)
    return Lines{what + (decided
                             ? " is restored; .davit-restore in its data directory may be removed"
                             : " has no container: if it was being exchanged, the next restore puts it right first")};
  // While files are between two places the server ends as soon as it is started.
  if (container->state.status == "restarting") {
    TRY(engine.stop_container(container->id, std::chrono::seconds{10}));
    TRY_ASSIGN(again, engine.inspect_container(container->id));
    container = std::move(again);
  }
  if (!container->state.running && !entry.ran) {
    OneOffOptions options;
    options.purpose = "put right the cluster of service " + entry.service;
    TRY_ASSIGN(lone, LoneServer::open(engine, *container, options, run));
    TRY(put_right(lone->control(lone->cluster()), false, decided, run));
    TRY(lone->close());
  } else {
    NoJournal none;
    TRY_ASSIGN(control, control_of(engine, *container, none, run));
    TRY(put_right(std::move(control), entry.ran, decided, run));
  }
  return Lines{what + (decided ? " is restored"
                               : " is the old one again" + std::string(entry.ran ? ", and its server runs" : ""))};
}

}  // namespace davit::sources
