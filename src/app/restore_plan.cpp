#include "app/restore_plan.hpp"

#include <algorithm>
#include <format>
#include <ranges>

#include "app/definition.hpp"
#include "app/same_version.hpp"

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

// What the Engine has of the stack now. That it knows nothing of it is an ordinary case: everything was destroyed.
Result<sources::Stack> discover_present(engine::Engine& engine, const std::string& name) {
  auto present = sources::discover(engine, name);
  if (present) return present;
  if (present.error().code() != Errc::not_found) return present;
  sources::Stack nothing;
  nothing.name = name;
  return nothing;
}

}  // namespace

sources::Target target_of(const RestorePlan& plan, const RestoreOptions& options, Journal* journal) {
  const std::string& dir = plan.manifest.project_dir.empty() ? plan.present.project_dir : plan.manifest.project_dir;
  return {plan.manifest.stack,
          dir,
          &plan.recorded,
          &plan.present,
          options.replace,
          options.allow_version_change,
          journal,
          [&options, &plan](const model::ItemId& id) {
            return options.selection.takes(id) && std::ranges::contains(plan.manifest.items, id, &model::Item::id);
          }};
}

std::vector<std::string> RestorePlan::blocking(bool replace) const {
  std::vector<std::string> lines;
  for (const RestoreStep& step : steps)
    for (const sources::Conflict& conflict : step.conflicts)
      if (!conflict.replaceable || !replace) lines.push_back(conflict.what);
  return lines;
}

Result<RestorePlan> plan_restore(engine::Engine& engine, const storage::StorageReader& storage,
                                 const SourceSet& sources, const RestoreOptions& options, RunContext& run) {
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
  TRY_ASSIGN(present, discover_present(engine, plan.manifest.stack));
  plan.present = std::move(present);

  const sources::Target target = target_of(plan, options, nullptr);
  for (const model::Item& item : plan.manifest.items) {
    if (!options.selection.takes(item.id)) {
      plan.left_out.push_back(item.id.text());
      continue;
    }
    TRY(run.check());
    TRY(check_presence(storage, plan.entry, item));
    TRY_ASSIGN(source, sources.of(item.id.kind));
    TRY_ASSIGN(conflicts, in_context(source->check_restore(item, target, run), "check " + item.id.text()));
    plan.steps.push_back({item, std::move(conflicts)});
  }
  if (!options.allow_version_change) TRY(add_version_conflicts(engine, plan));
  return plan;
}

// Errc::exists if something stands in the way, naming every conflict.
Result<> check_way(const RestorePlan& plan, bool replace) {
  const auto lines = plan.blocking(replace);
  if (lines.empty()) return {};
  std::string what = "restore " + plan.entry.id + " is refused";
  for (const std::string& line : lines) what += "\n  - " + line;
  std::string hint;
  for (const RestoreStep& step : plan.steps)
    for (const sources::Conflict& conflict : step.conflicts)
      if ((!conflict.replaceable || !replace) && !hint.contains(conflict.remedy))
        hint += (hint.empty() ? "" : "; ") + conflict.remedy;
  return fail(Errc::exists, std::move(what), std::move(hint));
}

}  // namespace davit::app
