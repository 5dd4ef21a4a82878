#include "app/restorations.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>

namespace davit::app {

sources::Restoration& Restorations::add(std::string what, std::unique_ptr<sources::Restoration> restoration,
                                        Holds holds) {
  members_.push_back({std::move(what), std::move(restoration), holds});
  return *members_.back().restoration;
}

Result<> Restorations::hold(RunContext& run) {
  for (const Member& member : members_) {
    TRY(run.check());
    TRY(in_context(member.restoration->hold(run), "restore " + member.what));
  }
  return {};
}

void Restorations::leave() {
  for (Member& member : members_ | std::views::reverse) member.restoration->leave();
  members_.clear();
}

Result<> Restorations::decide(Journal& journal, RunContext& run) {
  auto held = hold(run);
  if (held) held = run.check();
  if (!held) return std::unexpected(roll_back(std::move(held).error(), run));
  auto decided = journal.record(kDecided, {{"kind", kDecided}});
  if (decided) return {};
  // It may be written, and only its answer be lost. Once it is struck it surely isn't.
  if (journal.strike(kDecided)) return std::unexpected(roll_back(std::move(decided).error(), run));
  leave();
  return std::unexpected(
      std::move(decided)
          .error()
          .context("the restore has lost its guard, which goes on with it or puts everything back, and says which")
          .hint_if_none("run davit again"));
}

Result<> Restorations::finish(RunContext& run) {
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
    left += "\n  - " + members_[i].what + " is in place, and old contents are left: " + error.message();
    if (!first) first = error;
    holds_server_ |= members_[i].holds == Holds::server;
  }
  if (!first) return {};
  return std::unexpected(
      Error(first->code(), "the backup is restored, but not every item could be finished" + left, first->hint())
          .hint_if_none("its guard goes on with that, and the next davit command says what has become of it"));
}

Error Restorations::roll_back(Error error, const RunContext& run) {
  RunContext undo = run.unstoppable();
  undo.reporter.step("roll back");
  std::string failures;
  for (Member& member : members_ | std::views::reverse)
    if (auto undone = member.restoration->rollback(undo); !undone)
      failures += "\n  - the rollback of " + member.what + " failed: " + undone.error().message();
  const bool touched = !members_.empty();
  members_.clear();
  if (!touched) return error;
  if (failures.empty()) return std::move(error).hint_if_none("the old contents are in place as before");
  // In the message: whoever reads only that must know.
  const std::string hint = error.hint().empty() ? "look at what is left there: nothing old was removed" : error.hint();
  return {error.code(), error.message() + failures, hint};
}

}  // namespace davit::app
