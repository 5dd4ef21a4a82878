#include "app/restore_plan.hpp"

#include <algorithm>
#include <format>
#include <ranges>

#include "app/definition.hpp"
#include "app/restore_phase.hpp"
#include "app/restored_places.hpp"
#include "app/same_version.hpp"
#include "sources/host_path.hpp"
#include "sources/rabbitmq/restore.hpp"
#include "sources/rebuild/container_body.hpp"
#include "sources/relocate.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

// Cheap, and before anything is touched: no artefact is missing or has another length than the manifest says.
Result<> check_presence(const storage::StorageReader& storage, const catalog::Entry& entry, const model::Item& item) {
  for (const model::Artefact& artefact : item.artefacts) {
    auto info = storage.stat(object_key(entry, artefact));
    if (!info && info.error().code() == Errc::not_found)
      return fail(Errc::corrupt, std::format("backup {}: {} is missing", entry.id, artefact.path),
                  std::string(catalog::kTakeAnother));
    if (!info) return std::unexpected(std::move(info).error());
    if (info->bytes != artefact.stored.bytes)
      return fail(Errc::corrupt,
                  std::format("backup {}: {} has {} bytes instead of {}", entry.id, artefact.path, info->bytes,
                              artefact.stored.bytes),
                  std::string(catalog::kTakeAnother));
  }
  return {};
}

// Where the project's directory goes, and with it every path that lies in the old one.
Result<> place_project(RestorePlan& plan, const std::string& root) {
  const std::string& was = plan.manifest.project_dir;
  plan.project_dir = was.empty() ? plan.present.project_dir : was;
  if (root.empty()) return {};
  if (!root.starts_with('/'))
    return fail(Errc::usage, "--root " + escape_for_display(root) + " is no absolute path",
                "name a directory of the Engine's host by its whole path");
  // In a mount of the short form it would end the path, and most mounts are of that.
  if (root.contains(':'))
    return fail(Errc::usage, "--root " + escape_for_display(root) + " has a colon, which Docker can't mount",
                "name another directory");
  plan.project_dir = sources::normal_path(root);
  if (!was.starts_with('/') || sources::normal_path(was) == plan.project_dir) return {};
  if (sources::path_below(plan.project_dir, sources::normal_path(was)))
    return fail(
        Errc::usage,
        "--root " + escape_for_display(root) + " lies in the project's old directory " + escape_for_display(was),
        "name a directory outside of it, or leave --root away");
  plan.moved.moves = {{sources::normal_path(was), plan.project_dir}};
  sources::relocate(plan.recorded, plan.moved);
  return {};
}

// A server that was restored in a container of ours holds its data until everything is decided: its own container can't
// run beside it.
void add_held_servers(RestorePlan& plan, const Selection& selection) {
  std::vector<std::string> wanted = plan.needed_servers();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const sources::Service* service = plan.recorded.find_service(wanted[i]);
    if (service == nullptr) continue;
    for (const sources::Dependency& dependency : sources::dependencies_of(*service, plan.recorded)) {
      const model::ItemId cluster{model::ItemKind::postgres, dependency.service};
      if (!plan.starts(dependency.service) || std::ranges::contains(wanted, dependency.service)) continue;
      wanted.push_back(dependency.service);
      if (selection.takes(cluster) && std::ranges::contains(plan.manifest.items, cluster, &model::Item::id))
        plan.rebuild.conflicts.push_back({"service " + escape_for_display(wanted[i]) +
                                              " must run to be restored, and waits for " + cluster.text() +
                                              ", which is restored along",
                                          "restore in two steps: first with --exclude and what service " +
                                              escape_for_display(wanted[i]) + " holds, then that with --only"});
    }
  }
}

// A command needs its service to run, which comes last of all.
void add_idle_commands(RestorePlan& plan) {
  for (const RestoreStep& step : plan.steps)
    if (step.item.id.kind == model::ItemKind::command && plan.starts(step.item.id.name))
      plan.rebuild.conflicts.push_back(
          {step.item.id.text() + " needs its service to run, which --no-start leaves stopped",
           "leave it out with --exclude " + step.item.id.text()});
}

// A project that nobody has named is called like its directory.
void add_name_note(RestorePlan& plan) {
  if (plan.moved.moves.empty() || sources::last_part(plan.moved.moves.front().from) != plan.manifest.stack) return;
  if (sources::last_part(plan.project_dir) == plan.manifest.stack) return;
  plan.rebuild.notes.push_back("in " + plan.project_dir + " Compose takes the project for \"" +
                               sources::last_part(plan.project_dir) +
                               "\", unless something names it: docker compose -p " + plan.manifest.stack);
}

// What Compose keeps of a service that shares the network or the processes of another holds the id of that container.
void add_shared_note(RestorePlan& plan) {
  std::string services;
  for (const std::string& name : plan.rebuild.services)
    if (std::ranges::any_of(plan.recorded.find_service(name)->containers, [](const engine::ContainerInfo& container) {
          return !sources::shared_containers(container).empty();
        }))
      services += (services.empty() ? "" : ", ") + name;
  if (!services.empty())
    plan.rebuild.notes.push_back(
        "the next docker compose up -d will make " + services +
        " anew: Compose knows it by the id of the container whose network or processes it shares");
}

// What the Engine lacks of the stack. A restore of chosen items makes nothing but these.
Result<> plan_containers(helper::Host& host, RestorePlan& plan, const RestoreOptions& options,
                         const sources::Target& target, RunContext& run) {
  if (options.containers == Containers::leave || !options.selection.only.empty()) return {};
  TRY_ASSIGN(rebuild_options, rebuild_options_of(plan, options));
  TRY_ASSIGN(rebuild, in_context(sources::plan_rebuild(host, target, rebuild_options, run), "plan the containers"));
  plan.rebuild = std::move(rebuild);
  add_held_servers(plan, options.selection);
  add_shared_note(plan);
  add_name_note(plan);
  if (options.containers == Containers::make) add_idle_commands(plan);
  return {};
}

}  // namespace

Result<sources::Stack> discover_present(engine::Engine& engine, const std::string& name) {
  auto present = sources::discover(engine, name);
  if (present) return present;
  if (present.error().code() != Errc::not_found) return present;
  sources::Stack nothing;
  nothing.name = name;
  return nothing;
}

Result<sources::RebuildOptions> rebuild_options_of(const RestorePlan& plan, const RestoreOptions& options) {
  TRY_ASSIGN(places, RestoredPlaces::of(plan, options.selection));
  sources::RebuildOptions rebuild;
  rebuild.moved = plan.moved;
  rebuild.restores_volume = [places](const std::string& volume) { return places.has_volume(volume); };
  rebuild.restores_path = [places](const std::string& path) { return places.has_path(path); };
  rebuild.may_make = [places](const std::string& path) { return places.may_make(path); };
  rebuild.starts = [&plan](std::string_view service) { return plan.starts(service); };
  return rebuild;
}

sources::Target target_of(const RestorePlan& plan, const RestoreOptions& options, Journal* journal) {
  return {plan.manifest.stack,
          plan.project_dir,
          &plan.recorded,
          &plan.present,
          options.replace,
          options.allow_version_change,
          journal,
          [&options, &plan](const model::ItemId& id) {
            return options.selection.takes(id) && std::ranges::contains(plan.manifest.items, id, &model::Item::id);
          },
          [&plan](std::string_view service) { return plan.starts(service); }};
}

std::vector<sources::Conflict> RestorePlan::conflicts() const {
  std::vector<sources::Conflict> all = rebuild.conflicts;
  for (const RestoreStep& step : steps) all.insert(all.end(), step.conflicts.begin(), step.conflicts.end());
  return all;
}

std::vector<std::string> RestorePlan::blocking(bool replace) const {
  std::vector<std::string> lines;
  for (const sources::Conflict& conflict : conflicts())
    if (!conflict.replaceable || !replace) lines.push_back(conflict.what);
  return lines;
}

bool RestorePlan::starts(std::string_view service) const {
  const sources::Service* was = recorded.find_service(service);
  return was != nullptr && rebuild.makes(service) && sources::is_started(*was, recorded) && !waits(*was);
}

// What is there already isn't started, so nor is what depends on it.
bool RestorePlan::waits(const sources::Service& service) const {
  return std::ranges::any_of(sources::dependencies_of(service, recorded), [&](const sources::Dependency& on) {
    const sources::Service& was = *recorded.find_service(on.service);
    if (rebuild.makes(on.service)) return sources::is_started(was, recorded) && waits(was);
    if (was.running_container() == nullptr) return false;
    const sources::Service* is = present.find_service(on.service);
    return is == nullptr || is->running_container() == nullptr;
  });
}

std::vector<std::string> RestorePlan::needed_servers() const {
  std::vector<std::string> needed;
  const sources::Takes takes = [this](const model::ItemId& id) {
    return std::ranges::any_of(steps, [&](const RestoreStep& step) { return step.item.id == id; });
  };
  for (const RestoreStep& step : steps) {
    if (phase_of(step.item) != Phase::servers) continue;
    // Everything of such a broker is in its volume.
    if (step.item.id.kind == model::ItemKind::rabbitmq && !sources::imports_definitions(step.item, takes)) continue;
    for (const std::string& service : step.item.services)
      if (starts(service) && !std::ranges::contains(needed, service)) needed.push_back(service);
  }
  return needed;
}

Result<RestorePlan> plan_restore(helper::Host& host, const storage::StorageReader& storage, const SourceSet& sources,
                                 const RestoreOptions& options, RunContext& run) {
  RestorePlan plan;
  TRY_ASSIGN(entry, catalog::find(storage, options.stack, options.backup));
  plan.entry = std::move(entry);
  TRY_ASSIGN(manifest, catalog::load(storage, plan.entry));
  plan.manifest = std::move(manifest);
  std::vector<model::ItemId> known;
  for (const model::Item& item : plan.manifest.items) known.push_back(item.id);
  TRY(options.selection.check(known));
  TRY_ASSIGN(recorded, load_definition(storage, plan.entry, plan.manifest));
  plan.recorded = std::move(recorded);
  TRY_ASSIGN(present, discover_present(host.engine(), plan.manifest.stack));
  plan.present = std::move(present);
  TRY(place_project(plan, options.root));

  for (const model::Item& item : plan.manifest.items) {
    if (options.selection.takes(item.id))
      plan.steps.push_back({item, {}});
    else
      plan.left_out.push_back(item.id.text());
  }
  const sources::Target target = target_of(plan, options, nullptr);
  TRY(plan_containers(host, plan, options, target, run));
  for (RestoreStep& step : plan.steps) {
    TRY(run.check());
    TRY(check_presence(storage, plan.entry, step.item));
    TRY_ASSIGN(source, sources.of(step.item.id.kind));
    TRY_ASSIGN(conflicts, in_context(source->check_restore(step.item, target, run), "check " + step.item.id.text()));
    step.conflicts = std::move(conflicts);
  }
  if (!options.allow_version_change) TRY(add_version_conflicts(host.engine(), plan));
  return plan;
}

Result<> check_way(const RestorePlan& plan, bool replace) {
  const auto lines = plan.blocking(replace);
  if (lines.empty()) return {};
  std::string what = "restore " + plan.entry.id + " is refused";
  for (const std::string& line : lines) what += "\n  - " + line;
  std::string hint;
  for (const sources::Conflict& conflict : plan.conflicts())
    if ((!conflict.replaceable || !replace) && !hint.contains(conflict.remedy))
      hint += (hint.empty() ? "" : "; ") + conflict.remedy;
  if (std::ranges::any_of(plan.rebuild.conflicts,
                          [&](const sources::Conflict& conflict) { return !conflict.replaceable || !replace; }))
    hint += "; or restore only what the items hold, without containers: --data-only";
  return fail(Errc::exists, std::move(what), std::move(hint));
}

}  // namespace davit::app
