#include "sources/opensearch/restore.hpp"

#include <algorithm>
#include <charconv>
#include <format>
#include <nlohmann/json.hpp>

#include "sources/json_field.hpp"
#include "sources/opensearch/exchange.hpp"
#include "sources/opensearch/plan.hpp"
#include "sources/opensearch/recovery.hpp"
#include "sources/opensearch/repository.hpp"
#include "sources/opensearch/settle.hpp"
#include "sources/opensearch/snapshot.hpp"
#include "sources/place_restore.hpp"
#include "sources/restore_entry.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using model::attribute;
using nlohmann::json;

constexpr std::string_view kPlaced = "davit-restore-";
constexpr std::string_view kSaved = "davit-saved-";
constexpr std::string_view kQuiet = "stop what uses the cluster, and try again";
// A guard takes entries of 1 MiB, with their names.
constexpr std::size_t kLargestEntry = 1'000'000;

}  // namespace

Result<std::unique_ptr<Restoration>> SearchRestoration::begin(helper::Host& host, const model::Item& item,
                                                              const Target& target, const SearchOptions& options,
                                                              RunContext& run) {
  // Also what could only be looked at now that its service was started.
  TRY_ASSIGN(conflicts, check_search(host, item, target, options, run));
  TRY(refuse_conflicts(conflicts, target.replace));
  TRY_ASSIGN(selection, select_indices(item, options));
  TRY_ASSIGN(container, find_search_container(host.engine(), target.stack, item.services));
  if (!container) return fail(Errc::unavailable, "its service doesn't run");
  TRY_ASSIGN(client, SearchClient::connect_patiently(host.engine(), *container, kSearchPatience, run));
  TRY_ASSIGN(nodes, list_nodes(client, false, run));
  TRY_ASSIGN(directory, find_search_directory(*container, item.services.front(), nodes));

  SearchEntry entry;
  entry.run = run.run_id;
  entry.project = target.stack;
  entry.service = item.id.name;
  entry.services = item.services;
  entry.repository = std::string(kPlaced) + run.run_id;
  entry.place = directory.host + "/" + entry.repository;
  entry.things = selection.things;
  std::unique_ptr<SearchRestoration> restoration(new SearchRestoration(
      host, item, target, std::move(client), std::move(directory), std::move(selection), options.restore_prefix));
  restoration->entry_ = std::move(entry);
  TRY(restoration->record());
  auto session = helper::Session::open(host, {helper::Place::Kind::directory, restoration->entry_.place, true},
                                       helper::Access::write, run);
  if (!session) {
    strike(target.journal, restoration->entry_.key(), run);
    return std::unexpected(std::move(session).error());
  }
  restoration->session_ = *std::move(session);
  return std::unique_ptr<Restoration>(std::move(restoration));
}

Result<std::vector<Finding>> SearchRestoration::stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                                      RunContext& run) {
  TRY_ASSIGN(staged, session_->stage({artefact.codec, artefact.plain, artefact.stored, {}}, stored));
  // Nothing old is replaced by these files. From here on they stay until they are led back, whoever does it: the server
  // must have let go of them before.
  TRY(session_->commit());
  TRY(session_->hold());
  TRY(in_context(register_copy(run), "open the snapshot in the placed files"));
  return std::move(staged.findings);
}

Result<> SearchRestoration::register_copy(RunContext& run) {
  const json body{{"type", "fs"},
                  {"settings", {{"location", directory_.path + "/" + entry_.repository}, {"readonly", true}}}};
  TRY(client_.send("PUT", snapshot_path(entry_.repository), body, run));
  TRY_ASSIGN(answer, client_.get(snapshot_path(entry_.repository, attribute(item_.attributes, "snapshot")), run));
  const json& snapshots = list_field(answer, "snapshots");
  if (snapshots.size() != 1)
    return fail(Errc::corrupt,
                "the backup's files hold no snapshot " + attribute(item_.attributes, "snapshot") + " for the server");
  std::vector<std::string> recorded;
  for (const auto& [key, value] : item_.attributes)
    if (key.starts_with(kDocumentsOf)) recorded.push_back(key.substr(kDocumentsOf.size()));
  if (const std::string why = incomplete(snapshots[0], recorded); !why.empty())
    return fail(Errc::corrupt, escape_for_display(why));
  return {};
}

Result<> SearchRestoration::commit(RunContext& run) {
  TRY_ASSIGN(present, look_into(client_, run));
  TRY(refuse_conflicts(check_names(selection_, present), replace_));
  SearchEntry begun = entry_;
  note_old(present, begun.things);
  const bool replaces = std::ranges::any_of(begun.things, [](const SearchThing& each) { return !each.old.empty(); });
  if (replaces) {
    begun.saved = std::string(kSaved) + run.run_id;
    begun.step = SearchEntry::Step::saving;
    entry_ = begun;
    TRY(record());
    TRY(save_old(client_, directory_, entry_, run));
  }
  entry_ = std::move(begun);
  entry_.step = SearchEntry::Step::replacing;
  TRY(record());
  TRY(delete_old(client_, entry_, run));
  TRY(recover(run));
  return compare_documents(run);
}

Result<> SearchRestoration::recover(RunContext& run) {
  const RecoveryRequest request{entry_.repository, attribute(item_.attributes, "snapshot"), selection_.named,
                                selection_.indices, prefix_};
  auto begun = begin_recovery(client_, request, run);
  if (begun) return await_recovery(client_, request, run);
  if (begun.error().code() != Errc::failed) return begun;
  // It was refused as a whole, and all of these were deleted: what is there by their names was made since.
  TRY_ASSIGN(indices, list_indices(client_, run));
  for (const SearchIndex& each : indices)
    if (selection_.documents.contains(each.name))
      return fail(Errc::failed,
                  "index " + escape_for_display(each.name) +
                      " was made anew by somebody who writes to it, while it was to be restored",
                  std::string(kQuiet));
  return begun;
}

Result<> SearchRestoration::compare_documents(RunContext& run) {
  TRY_ASSIGN(present, list_indices(client_, run));
  for (const auto& [name, recorded] : selection_.documents) {
    const auto found = std::ranges::find(present, name, &SearchIndex::name);
    if (found == present.end())
      return fail(Errc::failed, "index " + escape_for_display(name) + " is gone behind its restore",
                  std::string(kQuiet));
    // Written to while the snapshot was made, so nobody knows how many it has.
    if (recorded.starts_with('~') || recorded.empty()) continue;
    std::uint64_t expected = 0;
    std::from_chars(recorded.data(), recorded.data() + recorded.size(), expected);
    // Nobody can write to it before it is decided.
    if (found->documents != expected)
      return fail(Errc::failed,
                  std::format("index {} was restored with {} documents instead of {}", escape_for_display(name),
                              found->documents.value_or(0), expected),
                  "try again; if it stays so, restore another backup");
  }
  return {};
}

Result<> SearchRestoration::clear_away(RunContext& run) {
  if (session_) {
    TRY(session_->rollback());
    TRY(session_->close());
    session_.reset();
  }
  TRY(remove_placed(host_, entry_.place, entry_.run, run));
  strike(journal_, entry_.key(), run);
  return {};
}

Result<> SearchRestoration::finish(RunContext& run) {
  TRY(carry_on(client_, entry_, run));
  return in_context(clear_away(run), "remove " + entry_.place);
}

Result<> SearchRestoration::rollback(RunContext& run) {
  TRY(lead_back(client_, entry_, run));
  return in_context(clear_away(run), "remove " + entry_.place);
}

Result<> SearchRestoration::record() {
  const nlohmann::json entry = to_json(entry_);
  if (entry.dump().size() > kLargestEntry)
    return fail(Errc::failed, std::format("{} indices are too many for one restore", selection_.indices.size()),
                "restore them in parts with --indices");
  return journal_ == nullptr ? Result<>() : journal_->record(entry_.key(), entry);
}

}  // namespace davit::sources
