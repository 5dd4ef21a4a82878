#include "app/backup.hpp"

#include <algorithm>
#include <map>

#include "app/guarded.hpp"
#include "app/quiesce/holds.hpp"
#include "app/restore_guide.hpp"
#include "app/sweep.hpp"
#include "sources/files_plan.hpp"
#include "sources/host_path.hpp"
#include "sources/path_need.hpp"
#include "sources/place_restore.hpp"

namespace davit::app {
namespace {

using Covered = std::map<std::string, model::ItemId, std::less<>>;

// The item that stands for the contents of this one, if there is such.
const model::ItemId* covering(const Covered& covered, const model::Item& item) {
  std::string_view name;
  if (item.id.kind == model::ItemKind::volume) name = "volume";
  if (item.id.kind == model::ItemKind::bind) name = "path";
  const auto place = item.attributes.find(name);
  if (name.empty() || place == item.attributes.end()) return nullptr;
  const auto found = covered.find(place->second);
  return found == covered.end() ? nullptr : &found->second;
}

std::string why_covered(const model::ItemId& by) {
  if (by.kind == model::ItemKind::files) return "it is part of " + by.text();
  if (by.kind == model::ItemKind::search) return "data of " + by.text() + ", which has a snapshot";
  return "data of " + by.text() + ", which is dumped";
}

// Files that are left out of the backup and that containers mount: without them a restore would start the services with
// empty directories in their place.
Result<> add_left_out_files(BackupPlan& plan, const model::Item& item) {
  for (const model::Artefact& artefact : item.artefacts) {
    TRY_ASSIGN(files, sources::recorded_files(artefact));
    for (const sources::RecordedFile& file : files) {
      const std::string path = sources::normal_path(file.path, model::attribute(item.attributes, "path"));
      for (const sources::Service& service : plan.stack.services)
        if (std::ranges::any_of(service.containers.front().mounts, [&](const engine::Mount& mount) {
              return mount.type == "bind" && sources::normal_path(mount.source) == path;
            })) {
          plan.needs.push_back(sources::path_need(path, "bind mount of " + service.name));
          break;
        }
    }
  }
  return {};
}

// Items that another one stands for, and those that the user left out, become lines of `not_covered`.
Result<> apply_selection(BackupPlan& plan, Covered covered, const Selection& selection) {
  // What isn't in the plan stands for nothing.
  std::erase_if(covered, [&](const auto& each) {
    return std::ranges::none_of(plan.items, [&](const model::Item& item) { return item.id == each.second; });
  });
  std::vector<model::Item> kept;
  std::vector<model::ItemId> known;
  for (model::Item& item : plan.items) {
    // Whoever leaves out the dump may well want the files.
    if (const model::ItemId* by = covering(covered, item); by != nullptr && selection.takes(*by)) {
      plan.not_covered.push_back({item.id.text(), why_covered(*by)});
      continue;
    }
    known.push_back(item.id);
    if (selection.takes(item.id))
      kept.push_back(std::move(item));
    else {
      plan.not_covered.push_back({item.id.text(), "left out by --only or --exclude"});
      if (item.id.kind == model::ItemKind::files) TRY(add_left_out_files(plan, item));
    }
  }
  plan.items = std::move(kept);
  return selection.check(known);
}

catalog::Manifest begin_manifest(const BackupPlan& plan, const BackupOptions& options,
                                 const std::string& engine_version, TimePoint started) {
  catalog::Manifest manifest;
  manifest.id = catalog::make_id(started);
  manifest.stack = plan.stack.name;
  manifest.started = started;
  manifest.davit_version = options.davit_version;
  manifest.engine_version = engine_version;
  manifest.project_dir = plan.stack.project_dir;
  manifest.not_covered = plan.not_covered;
  manifest.needs = plan.needs;
  for (const sources::Service& service : plan.stack.services) {
    catalog::ServiceRecord record;
    record.name = service.name;
    record.containers = static_cast<int>(service.containers.size());
    const engine::ContainerInfo& first = service.containers.front();
    record.image = first.image;
    record.image_id = first.image_id;
    if (const auto image = plan.stack.images.find(first.image); image != plan.stack.images.end()) {
      record.repo_digests = image->second.repo_digests;
      record.platform = image->second.os + "/" + image->second.architecture;
    }
    manifest.services.push_back(std::move(record));
  }
  return manifest;
}

// Without its containers a stack is known by its volumes only, as behind `docker compose down`.
void find_no_containers(const BackupPlan& plan, catalog::Manifest& manifest, RunContext& run) {
  if (!plan.stack.services.empty()) return;
  manifest.findings.push_back({"", "",
                               "stack " + plan.stack.name +
                                   " has no containers: the files of its project, bind mounts and databases are "
                                   "known by them, and are not in this backup"});
  run.reporter.finding(manifest.findings.back());
}

Result<> store_text(storage::Publication& publication, std::string_view key, std::string_view text) {
  TRY_ASSIGN(writer, publication.create(key));
  TRY(writer->write(std::as_bytes(std::span(text))));
  TRY(writer->finish());
  TRY(writer->commit());
  return {};
}

// Dumps one artefact into an object of its own. What arrived is what the source counted: anything else is our bug, and
// is found here and not at the restore.
Result<> dump_artefact(storage::Publication& publication, sources::Source& source, model::Item& item,
                       model::Artefact& artefact, const stream::Encoding& encoding, catalog::Manifest& manifest,
                       RunContext& run) {
  TRY_ASSIGN(writer, publication.create(artefact.path));
  TRY_ASSIGN(findings, source.dump(item, artefact, encoding, *writer, run));
  TRY_ASSIGN(info, writer->commit());
  if (info.bytes != artefact.stored.bytes)
    return fail(Errc::bug, "store " + artefact.path + ": " + std::to_string(info.bytes) + " bytes arrived of " +
                               std::to_string(artefact.stored.bytes));
  for (Finding& finding : findings) {
    finding.item = item.id.text();
    run.reporter.finding(finding);
    manifest.findings.push_back(std::move(finding));
  }
  return {};
}

// Whom the items need held, and from there the order in which they are read and the state in which they will be.
Result<> plan_holds(BackupPlan& plan, engine::Engine& engine, const BackupOptions& options, const RunContext& run) {
  TRY_ASSIGN(running, in_context(sources::running_containers(engine, run), "look who writes what is backed up"));
  plan.quiesce = plan_quiesce(plan.stack, plan.items, running,
                              {options.consistent, options.allow_hooks, sources::own_container(run)});
  plan.items = in_reading_order(std::move(plan.items), plan.quiesce);
  for (model::Item& item : plan.items)
    if (const auto found = plan.quiesce.items.find(item.id); found != plan.quiesce.items.end())
      item.consistency = found->second.consistency.value_or(item.consistency);
  return {};
}

void keep_findings(Holds& holds, catalog::Manifest& manifest, RunContext& run) {
  for (Finding& finding : holds.take_findings()) {
    run.reporter.finding(finding);
    manifest.findings.push_back(std::move(finding));
  }
}

Result<> read_items(storage::Publication& publication, const SourceSet& sources, std::vector<model::Item> items,
                    const stream::Encoding& encoding, Holds& holds, catalog::Manifest& manifest, RunContext& run) {
  for (model::Item& item : items) {
    const std::string doing = "back up " + item.id.text();
    TRY_ASSIGN(source, sources.of(item.id.kind));
    const auto tell = [&](const model::Artefact& artefact) {
      run.reporter.step(doing + (item.artefacts.size() > 1 ? " (" + artefact.path + ")" : std::string()));
    };
    if (!item.artefacts.empty()) tell(item.artefacts.front());
    TRY(in_context(holds.begin(item), doing));
    for (model::Artefact& artefact : item.artefacts) {
      TRY(run.check());
      if (&artefact != &item.artefacts.front()) tell(artefact);
      TRY(in_context(dump_artefact(publication, *source, item, artefact, encoding, manifest, run), doing));
    }
    TRY(in_context(holds.end(item), doing));
    keep_findings(holds, manifest, run);
    manifest.items.push_back(std::move(item));
  }
  return {};
}

}  // namespace

Result<BackupPlan> plan_backup(engine::Engine& engine, const SourceSet& sources, const BackupOptions& options,
                               RunContext& run) {
  BackupPlan plan;
  TRY_ASSIGN(stack, sources::discover(engine, options.stack));
  plan.stack = std::move(stack);
  Covered covered;
  const auto takes = [&options](const model::ItemId& id) { return options.selection.takes(id); };
  for (const SourceSet::Member& member : sources.members()) {
    TRY(run.check());
    TRY_ASSIGN(part, member.source->plan(plan.stack, options.encoding, takes, run));
    covered.merge(part.covered_volumes);
    std::ranges::move(part.items, std::back_inserter(plan.items));
    std::ranges::move(part.not_covered, std::back_inserter(plan.not_covered));
    std::ranges::move(part.needs, std::back_inserter(plan.needs));
  }
  TRY(apply_selection(plan, covered, options.selection));
  if (std::ranges::all_of(plan.items, [](const model::Item& item) { return item.id.kind == model::ItemKind::stack; }))
    return fail(Errc::not_found, "stack " + options.stack + " has nothing to back up",
                "look at `davit backup --dry-run`: it names what is not covered, and why");
  TRY(plan_holds(plan, engine, options, run));
  return plan;
}

namespace {

// Under the guard: everything from the planned items to a backup that is listed.
Result<BackupReport> make_backup(engine::Engine& engine, storage::Storage& storage, const SourceSet& sources,
                                 const BackupOptions& options, BackupPlan plan, helper::Guard& guard, RunContext& run) {
  TRY_ASSIGN(version, engine.version());
  catalog::Manifest manifest = begin_manifest(plan, options, version.version, run.clock.now());
  find_no_containers(plan, manifest, run);
  for (const SourceSet::Member& member : sources.members()) member.source->begin_backup(manifest.id);

  // 4. A set of objects that nobody takes for a backup until it has its manifest.
  const std::string key = catalog::key_of(manifest.stack, manifest.id);
  TRY_ASSIGN(publication, storage.stage(key, run.run_id));

  // 5. Every artefact is stored, counted and hashed, while those who write it are held. Behind it everybody runs again.
  Holds holds({.engine = engine,
               .journal = guard,
               .project = manifest.stack,
               .self = sources::own_container(run),
               .lost = guard.lost()},
              std::move(plan.quiesce), run);
  auto read = read_items(*publication, sources, std::move(plan.items), options.encoding, holds, manifest, run);
  if (read)
    read = holds.finish();
  else
    read = std::unexpected(holds.abandon(std::move(read).error()));
  // Also of a run that fails: that a davit.after was not run is to be heard.
  keep_findings(holds, manifest, run);
  TRY(std::move(read));
  manifest.held = holds.held();
  manifest.finished = run.clock.now();
  TRY(store_text(*publication, catalog::kGuideName, render_restore_guide(manifest)));

  // 6. Publish, if we were guarded all the time. Up to here the backup does not exist; after this line it does.
  TRY(run.check());
  TRY(guard.check());
  run.reporter.step("publish");
  TRY_ASSIGN(text, catalog::render_manifest(manifest));
  TRY(publication->publish(catalog::kManifestName, text));
  return BackupReport{{manifest.stack, manifest.id, key}, std::move(manifest), {}};
}

}  // namespace

Result<BackupReport> run_backup(engine::Engine& engine, storage::Storage& storage, const SourceSet& sources,
                                const BackupOptions& options, RunContext& run) {
  const auto began = run.clock.steady();

  // 1. Nothing of a dead run is left: nothing that it held, no helper, no staging.
  TRY(sweep_dead_runs(engine, &storage, run));

  // 2. Plan, read-only. From here on every item is known, and what is not covered.
  const auto make_plan = [&](RunContext& planning) {
    planning.reporter.step("plan");
    return plan_backup(engine, sources, options, planning);
  };
  TRY_ASSIGN(plan, make_plan(run));

  // 3. Lock and journal. No other run touches this stack until the guard is released; what one did meanwhile is seen.
  const auto work = [&](helper::Guard& guard, RunContext& held) -> Result<BackupReport> {
    if (guard.waited()) {
      TRY_ASSIGN(again, make_plan(held));
      plan = std::move(again);
    }
    return make_backup(engine, storage, sources, options, std::move(plan), guard, held);
  };
  TRY_ASSIGN(report, guarded(options.guard, options.stack, run, work));
  report.took = std::chrono::duration_cast<std::chrono::milliseconds>(run.clock.steady() - began);
  return report;
}

}  // namespace davit::app
