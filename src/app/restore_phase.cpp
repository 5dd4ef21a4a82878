#include "app/restore_phase.hpp"

#include <utility>

#include "app/definition.hpp"

namespace davit::app {

Phase phase_of(const model::Item& item) {
  switch (item.id.kind) {
    case model::ItemKind::postgres:
    case model::ItemKind::ldap:
      return Phase::databases;
    case model::ItemKind::search:
    case model::ItemKind::rabbitmq:
      return Phase::servers;
    case model::ItemKind::command:
      return Phase::commands;
    default:
      return Phase::places;
  }
}

Result<> verify_commands(const PhaseWork& work, RunContext& run) {
  for (const RestoreStep& step : work.plan.steps) {
    if (phase_of(step.item) != Phase::commands) continue;
    const std::string doing = "restore " + step.item.id.text();
    TRY_ASSIGN(source, work.sources.of(step.item.id.kind));
    for (const model::Artefact& artefact : step.item.artefacts) {
      TRY(run.check());
      TRY_ASSIGN(whole, in_context(open_artefact(work.storage, work.plan.entry, artefact), doing));
      auto verified = source->verify(step.item, artefact, *whole, work.plan.recorded, run);
      TRY(in_context(in_context(std::move(verified), artefact.path), doing));
    }
  }
  return {};
}

Result<> stage_and_commit(Phase phase, const PhaseWork& work, RunContext& run) {
  const auto holds = phase == Phase::places ? Restorations::Holds::nothing : Restorations::Holds::server;
  std::vector<std::pair<const model::Item*, sources::Restoration*>> staged;
  for (const RestoreStep& step : work.plan.steps) {
    if (phase_of(step.item) != phase) continue;
    const std::string doing = "restore " + step.item.id.text();
    TRY(run.check());
    run.reporter.step(doing);
    TRY_ASSIGN(source, work.sources.of(step.item.id.kind));
    TRY_ASSIGN(made, in_context(source->restore(step.item, work.target, run), doing));
    sources::Restoration& restoration = work.begun.add(step.item.id.text(), std::move(made), holds);
    for (const model::Artefact& artefact : step.item.artefacts) {
      TRY(run.check());
      TRY_ASSIGN(stored, in_context(open_artefact(work.storage, work.plan.entry, artefact), doing));
      auto staging = restoration.stage(artefact, *stored, run);
      // Of a damaged one its user wants to know which file that is.
      if (!staging && staging.error().code() == Errc::corrupt) staging = in_context(std::move(staging), artefact.path);
      TRY_ASSIGN(found, in_context(std::move(staging), doing));
      for (Finding& finding : found) {
        finding.item = step.item.id.text();
        run.reporter.finding(finding);
        work.findings.push_back(std::move(finding));
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

}  // namespace davit::app
