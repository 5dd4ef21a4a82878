#include "app/restore.hpp"

#include <algorithm>
#include <format>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>

#include "app/definition.hpp"
#include "app/guarded.hpp"
#include "app/sweep.hpp"

namespace davit::app {
namespace {

constexpr const char* kDecided = "decided";  // the entry's key and kind

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

// What comes after what: see carry_out().
enum class Phase { places, databases, commands };
Phase phase_of(const model::Item& item) {
  if (item.id.kind == model::ItemKind::postgres) return Phase::databases;
  return item.id.kind == model::ItemKind::command ? Phase::commands : Phase::places;
}

// The restorations that have begun, so that all of them can be led back.
class Restorations {
 public:
  struct Member {
    const model::Item* item;
    std::unique_ptr<sources::Restoration> restoration;
  };

  sources::Restoration& add(const model::Item& item, std::unique_ptr<sources::Restoration> restoration) {
    members_.push_back({&item, std::move(restoration)});
    return *members_.back().restoration;
  }

  Result<> hold(RunContext& run) {
    for (const Member& member : members_) {
      TRY(run.check());
      TRY(in_context(member.restoration->hold(run), "restore " + member.item->id.text()));
    }
    return {};
  }

  // For whoever reads the journal.
  void leave() {
    for (Member& member : members_ | std::views::reverse) member.restoration->leave();
    members_.clear();
  }

  // REQUIRES: it was decided. First the way back is given up for every item, and only then anything old is removed: so
  // an item that can't be finished is in the same state as the others, and keeps none of them from being finished.
  Result<> finish(RunContext& run) {
    std::vector<std::optional<Error>> unsealed;
    for (const Member& member : members_) {
      auto sealed = member.restoration->seal(run);
      unsealed.push_back(sealed ? std::nullopt : std::optional(std::move(sealed).error()));
    }
    std::string left;
    std::optional<Error> first;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      auto finished = members_[i].restoration->finish(run);
      if (finished) continue;
      const Error& error = unsealed[i] ? *unsealed[i] : finished.error();
      left += "\n  - " + members_[i].item->id.text() + " is in place, and old contents are left: " + error.message();
      if (!first) first = error;
    }
    if (!first) return {};
    return std::unexpected(
        Error(first->code(), "the backup is restored, but not every item could be finished" + left, first->hint())
            .hint_if_none("its guard goes on with that, and the next davit command says what has become of it"));
  }

  // Leads everything back in reverse order, even when asked to stop, and returns `error` with what could not be undone.
  Error roll_back(Error error, const RunContext& run) {
    RunContext undo = run.unstoppable();
    undo.reporter.step("roll back");
    std::string failures;
    for (Member& member : members_ | std::views::reverse)
      if (auto undone = member.restoration->rollback(undo); !undone)
        failures += "\n  - the rollback of " + member.item->id.text() + " failed: " + undone.error().message();
    const bool touched = !members_.empty();
    members_.clear();
    if (!touched) return error;
    if (failures.empty()) return std::move(error).hint_if_none("the old contents are in place as before");
    // In the message: whoever reads only that must know.
    const std::string hint =
        error.hint().empty() ? "look at what is left there: nothing old was removed" : error.hint();
    return {error.code(), error.message() + failures, hint};
  }

 private:
  std::vector<Member> members_;
};

// Stages and commits the steps that `take` selects: all are staged before the first is committed, so a damaged artefact
// is found while nothing has changed yet.
Result<> stage_and_commit(const storage::StorageReader& storage, const SourceSet& sources, const RestorePlan& plan,
                          const sources::Target& target, Phase phase, Restorations& begun,
                          std::vector<Finding>& findings, RunContext& run) {
  std::vector<std::pair<const model::Item*, sources::Restoration*>> staged;
  for (const RestoreStep& step : plan.steps) {
    if (phase_of(step.item) != phase) continue;
    const std::string doing = "restore " + step.item.id.text();
    TRY(run.check());
    run.reporter.step(doing);
    TRY_ASSIGN(source, sources.of(step.item.id.kind));
    TRY_ASSIGN(made, in_context(source->restore(step.item, target, run), doing));
    // A command takes what it is given as it comes: so it gets nothing that isn't whole.
    if (phase == Phase::commands)
      for (const model::Artefact& artefact : step.item.artefacts) {
        TRY_ASSIGN(whole, in_context(open_artefact(storage, plan.entry, artefact), doing));
        TRY(in_context(in_context(source->verify(step.item, artefact, *whole, plan.recorded, run), artefact.path),
                       doing));
      }
    sources::Restoration& restoration = begun.add(step.item, std::move(made));
    for (const model::Artefact& artefact : step.item.artefacts) {
      TRY(run.check());
      TRY_ASSIGN(stored, in_context(open_artefact(storage, plan.entry, artefact), doing));
      auto staging = restoration.stage(artefact, *stored, run);
      // Of a damaged one its user wants to know which file that is.
      if (!staging && staging.error().code() == Errc::corrupt) staging = in_context(std::move(staging), artefact.path);
      TRY_ASSIGN(found, in_context(std::move(staging), doing));
      for (Finding& finding : found) {
        finding.item = step.item.id.text();
        run.reporter.finding(finding);
        findings.push_back(std::move(finding));
      }
    }
    staged.emplace_back(&step.item, &restoration);
  }
  for (auto& [item, restoration] : staged) {
    TRY(run.check());
    TRY(in_context(restoration->commit(run), "restore " + item->id.text()));
  }
  return {};
}

// The moment of truth: before it, the death of davit leads everything back, and behind it, on. `begun` is rolled back,
// or left, where it can't be had.
Result<> decide(Journal& journal, Restorations& begun, RunContext& run) {
  auto held = begun.hold(run);
  if (held) held = run.check();
  if (!held) return std::unexpected(begun.roll_back(std::move(held).error(), run));
  auto decided = journal.record(kDecided, {{"kind", kDecided}});
  if (decided) return {};
  // It may be written, and only its answer be lost. Once it is struck it surely isn't.
  if (journal.strike(kDecided)) return std::unexpected(begun.roll_back(std::move(decided).error(), run));
  begun.leave();
  return std::unexpected(
      std::move(decided)
          .error()
          .context("the restore has lost its guard, which goes on with it or puts everything back, and says which")
          .hint_if_none("run davit again"));
}

}  // namespace

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
  return plan;
}

namespace {

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

// Under the guard: everything from the plan to the new state.
Result<RestoreReport> carry_out(const storage::StorageReader& storage, const SourceSet& sources,
                                const RestoreOptions& options, RestorePlan plan, helper::Guard& guard,
                                RunContext& run) {
  // 4. Files and volumes: staged beside the old contents and verified, then put in place. The old ones are kept aside.
  //    They come before the databases, since a server that doesn't run is started on its own volumes and configuration.
  // 5. Databases: restored under other names, then renamed. Last the commands, from which nothing leads back.
  const sources::Target target = target_of(plan, options, &guard);
  Restorations begun;
  std::vector<Finding> findings;
  for (const Phase phase : {Phase::places, Phase::databases, Phase::commands})
    if (auto done = stage_and_commit(storage, sources, plan, target, phase, begun, findings, run); !done)
      return std::unexpected(begun.roll_back(std::move(done).error(), run));

  // 6. The new state stands: for all of them at once. Only now the way back is given up, and then the old contents go.
  run.reporter.step("finish");
  TRY(decide(guard, begun, run));
  RunContext last = run.unstoppable();
  TRY(begun.finish(last));
  if (auto struck = guard.strike(kDecided); !struck) run.reporter.note(struck.error().message());
  return RestoreReport{std::move(plan), std::move(findings), {}};
}

}  // namespace

Result<RestoreReport> run_restore(engine::Engine& engine, const storage::StorageReader& storage,
                                  const SourceSet& sources, const RestoreOptions& options, RunContext& run) {
  const auto began = run.clock.steady();

  // 1. Nothing of a dead run is left.
  TRY(sweep_dead_runs(engine, nullptr, run));

  // 2. Plan. From here on every item and everything that stands in its way is known, and nothing has been touched.
  const auto make_plan = [&](RunContext& planning) -> Result<RestorePlan> {
    planning.reporter.step("plan");
    TRY_ASSIGN(plan, plan_restore(engine, storage, sources, options, planning));
    TRY(check_way(plan, options.replace));
    return plan;
  };
  TRY_ASSIGN(plan, make_plan(run));

  // 3. Lock and journal. No other run touches this stack until the guard is released; what one did meanwhile is seen.
  const std::string stack = plan.manifest.stack;
  const auto work = [&](helper::Guard& guard, RunContext& held) -> Result<RestoreReport> {
    if (guard.waited()) {
      TRY_ASSIGN(again, make_plan(held));
      plan = std::move(again);
    }
    return carry_out(storage, sources, options, std::move(plan), guard, held);
  };
  TRY_ASSIGN(report, guarded(options.guard, stack, run, work));
  report.took = std::chrono::duration_cast<std::chrono::milliseconds>(run.clock.steady() - began);
  return report;
}

}  // namespace davit::app
