#include "sources/basebackup/restoration.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "sources/basebackup/unpack.hpp"
#include "sources/pgbackrest/room.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/postgres/seat.hpp"
#include "sources/restore_entry.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// The server goes on in the timeline of the backup. An archive that has seen that timeline go further refuses what
// comes now, and the server keeps every segment until the disk is full: nobody should learn of it then.
void warn_of_archive(const Cluster& cluster, const std::string& service, RunContext& run) {
  const auto mode = ask_server(cluster, "select setting from pg_settings where name = 'archive_mode'", run);
  if (!mode || trim(*mode) == "off") return;
  run.reporter.warning(
      "the server of " + service +
      " hands its WAL to an archive, which may hold other segments of the same names and refuse these: "
      "see whether failed_count of pg_stat_archiver grows (docs/basebackup.md, \"With an archive\")");
}

}  // namespace

std::vector<Tablespace> tablespaces_of(const model::Item& item) {
  constexpr std::string_view kLocation = "tablespace.";
  std::vector<Tablespace> found;
  for (const auto& [key, location] : item.attributes) {
    if (!key.starts_with(kLocation)) continue;
    Tablespace each;
    each.name = key.substr(kLocation.size());
    each.location = location;
    const std::string oid = model::attribute(item.attributes, "oid." + each.name);
    std::from_chars(oid.data(), oid.data() + oid.size(), each.oid);
    found.push_back(std::move(each));
  }
  return found;
}

Result<ClusterFill> fill_from_base(const model::Item& item) {
  TRY_ASSIGN(form, parse_base_form(model::attribute(item.attributes, "form")));
  ClusterFill fill;
  fill.tablespaces = tablespaces_of(item);
  fill.bytes = item.plain_bytes();
  fill.keeps_timeline = true;
  fill.fill = [form, tablespaces = fill.tablespaces](const Cluster& cluster, const std::string& data,
                                                     stream::ByteSource& plain, RunContext& run) -> Result<> {
    UnpackTarget target{data, {}};
    for (const Tablespace& each : tablespaces)
      target.tablespaces[std::to_string(each.oid)] = DataSwap::fresh_directory(each);
    TRY(unpack_base_backup(cluster, target, form, plain, run));
    return tablespaces.empty() ? Result<>() : write_tablespace_map(cluster, data, tablespaces, run);
  };
  return fill;
}

Result<ClusterRestoration::Place> take_place(helper::Host& host, const model::Item& item, const Target& target,
                                             const ControlOf& control_of, const std::string& network,
                                             PhysicalEntry& entry, RunContext& run) {
  const Seating seating = find_seating(item, target);
  if (seating.container == nullptr)
    return fail(Errc::not_found, "service " + item.id.name + " is neither in the stack nor in the backup's definition");
  if (target.journal == nullptr || !control_of)
    return fail(Errc::bug, "restore " + item.id.text() + " without a guard");
  const engine::ContainerInfo& container = *seating.container;
  entry.run = run.run_id;
  entry.project = target.stack;
  entry.service = item.id.name;
  entry.container = container.id.value;
  entry.ran = seating.running;
  if (seating.running) {
    TRY_ASSIGN(control, control_of(host.engine(), container, *target.journal, run));
    return ClusterRestoration::Place{.control = std::move(control)};
  }
  MadeMounts mounts(host, target.journal);
  const auto open = [&]() -> Result<std::shared_ptr<LoneServer>> {
    TRY(mounts.make(container, target, run));
    const engine::Mount* data = mount_of(container, data_directory(container));
    entry.fresh = data != nullptr && mounts.made(*data);
    OneOffOptions options;
    options.purpose = "restore " + item.id.text();
    options.network = network;
    if (target.recorded != nullptr)
      if (const auto image = target.recorded->images.find(container.image); image != target.recorded->images.end())
        options.repo_digests = image->second.repo_digests;
    return LoneServer::open(host.engine(), container, options, run);
  };
  auto lone = open();
  if (!lone) {
    if (auto removed = mounts.remove(run); !removed) run.reporter.warning(removed.error().message());
    return std::unexpected(std::move(lone).error());
  }
  ServerControl control = (*lone)->control((*lone)->cluster());
  return ClusterRestoration::Place{
      .control = std::move(control), .lone = *std::move(lone), .mounts = std::move(mounts)};
}

Result<std::unique_ptr<Restoration>> ClusterRestoration::begin(Place place, ClusterFill fill, PhysicalEntry entry,
                                                               Journal& journal, RunContext& run) {
  std::unique_ptr<ClusterRestoration> restoration(
      new ClusterRestoration(std::move(place), std::move(fill), std::move(entry), journal));
  auto prepared = restoration->prepare(run);
  if (prepared) return std::unique_ptr<Restoration>(std::move(restoration));
  if (auto undone = restoration->rollback(run); !undone) run.reporter.warning(undone.error().message());
  return std::unexpected(std::move(prepared).error());
}

Result<> ClusterRestoration::prepare(RunContext& run) {
  TRY(in_context(settle_swap(place_.control, run), "put right what an earlier restore has left"));
  entry_.ran = entry_.ran && place_.control.runs;
  const DataSwap swap(place_.control.cluster);
  TRY(swap.check(run));
  TRY_ASSIGN(space, swap.space(run));
  TRY(check_room(space, fill_.bytes));
  TRY(journal_.record(entry_.key(), to_json(entry_)));
  if (place_.lone)
    for (const Tablespace& each : fill_.tablespaces) TRY(place_.lone->make_directory(each.location, run));
  TRY(make_locations(place_.control.cluster, fill_.tablespaces, run));
  return swap.begin(fill_.tablespaces, false, run);
}

Result<std::vector<Finding>> ClusterRestoration::stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                                       RunContext& run) {
  stream::Decoder plain(artefact.codec, stored, artefact.plain, artefact.stored);
  const Cluster& cluster = place_.control.cluster;
  TRY(fill_.fill(cluster, DataSwap(cluster).fresh_directory(), plain, run));
  return std::vector<Finding>{};
}

Result<> ClusterRestoration::commit(RunContext& run) {
  ServerControl& control = place_.control;
  run.reporter.step("stop the server of " + entry_.service);
  TRY_ASSIGN(resting, control.stop(run));
  control.cluster = std::move(resting);
  control.runs = false;
  if (place_.mounts) TRY(place_.mounts->release_directories(run));
  TRY(DataSwap(control.cluster).exchange(run));
  run.reporter.step("start the server of " + entry_.service);
  TRY_ASSIGN(started, control.start(run));
  control.cluster = std::move(started);
  TRY(wait_for_recovery(control, control.cluster, run));
  if (fill_.keeps_timeline) warn_of_archive(control.cluster, entry_.service, run);
  control.runs = true;
  // There is no old cluster that it would lead back to.
  return entry_.fresh ? DataSwap(control.cluster).finish(run) : Result<>();
}

Result<> ClusterRestoration::finish(RunContext& run) {
  Result<> result;
  if (!entry_.fresh) result = DataSwap(place_.control.cluster).finish(run);
  if (place_.lone)
    if (auto closed = place_.lone->close(); !closed && result) result = std::move(closed);
  if (!result) return result;
  if (place_.mounts) place_.mounts->keep(run);
  strike(&journal_, entry_.key(), run);
  return {};
}

Result<> ClusterRestoration::undo_mounts(RunContext& run) {
  Result<> result;
  if (place_.lone) result = place_.lone->close();
  if (place_.mounts)
    if (auto removed = place_.mounts->remove(run); !removed && result) result = std::move(removed);
  return result;
}

Result<> ClusterRestoration::rollback(RunContext& run) {
  // A cluster on a volume of ours goes with that.
  if (!entry_.fresh)
    if (auto led = lead_back(place_.control, entry_.ran, run); !led)
      return std::unexpected(std::move(led).error().hint_if_none(kSettleByHand));
  TRY(undo_mounts(run));
  strike(&journal_, entry_.key(), run);
  return {};
}

void ClusterRestoration::leave() {
  if (place_.lone) place_.lone->leave();
}

}  // namespace davit::sources
