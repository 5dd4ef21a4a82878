#include "sources/opensearch/dump.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/command.hpp"
#include "sources/opensearch/blobs.hpp"
#include "sources/opensearch/contents.hpp"
#include "sources/opensearch/repository.hpp"
#include "sources/opensearch/selection.hpp"
#include "sources/opensearch/snapshot.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

constexpr int kTries = 3;
constexpr std::size_t kMostExcluded = 4000;
constexpr std::size_t kContentsLimit = 64U << 20U;

std::string lowercase(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// Beside the indices of the repository; $2: the snapshot's uuid. There is none where the cluster keeps shards elsewhere
// in the repository: then nothing is known to be of no use.
constexpr std::string_view kListsOfShards =
    R"sh(for f in */*/snap-"$2".dat; do if [ -e "$f" ]; then cat -- "$f" || exit; fi; done)sh";
constexpr std::string_view kFilesOfShards = R"sh(for f in */*/__*; do printf '%s\n' "$f"; done)sh";

struct Taken {
  SearchChoice choice;  // with the counts of before
  std::vector<SearchAlias> aliases;
  IndexBlocks blocks;
  TakenSnapshot snapshot;
};

// The server would refuse it, or leave it out: here it is said which, and what to do.
Result<> refuse_red(const SearchChoice& choice) {
  std::string names;
  std::string pattern;
  for (const SearchIndex& index : choice.indices) {
    if (index.health != "red") continue;
    names += (names.empty() ? "" : ", ") + escape_for_display(index.name);
    pattern += (pattern.empty() ? "-" : ",-") + escape_for_display(index.name);
  }
  if (names.empty()) return {};
  return fail(Errc::failed, "index " + names + " lacks primary shards: a snapshot would not be whole",
              "GET _cluster/allocation/explain says why; mend or delete it, or leave it out by the label "
              "davit.search.indices=" +
                  pattern);
}

Result<SearchChoice> choose_now(const SearchSeat& seat, RunContext& run) {
  TRY_ASSIGN(indices, list_indices(seat.client, run));
  TRY_ASSIGN(streams, list_streams(seat.client, run));
  return choose_indices(indices, streams, seat.patterns, seat.client.product().distribution == "opensearch");
}

// An index may be deleted between the moment when it is named and that when the snapshot begins.
Result<Taken> snapshot_now(const SearchSeat& seat, const std::string& name, const json& mark, RunContext& run) {
  const SearchClient& client = seat.client;
  for (int attempt = 1;; ++attempt) {
    Taken taken;
    TRY_ASSIGN(unrefreshed, choose_now(seat, run));
    TRY(refuse_red(unrefreshed));
    refresh(client, unrefreshed.indices, run);
    TRY_ASSIGN(choice, choose_now(seat, run));
    if (choice.indices.empty()) return fail(Errc::failed, "the cluster holds no open index any more");
    TRY(refuse_red(choice));
    taken.choice = std::move(choice);
    TRY_ASSIGN(aliases, list_aliases(client, run));
    TRY_ASSIGN(blocks, list_blocks(client, run));
    taken.aliases = std::move(aliases);
    taken.blocks = std::move(blocks);
    SnapshotRequest request{std::string(kSearchRepository), name, taken.choice.named(), {}, mark};
    for (const SearchIndex& index : taken.choice.indices) request.expected.push_back(index.name);
    auto snapshot = take_snapshot(client, request, run);
    if (snapshot) {
      taken.snapshot = *std::move(snapshot);
      return taken;
    }
    if (snapshot.error().code() != Errc::not_found || attempt == kTries)
      return std::unexpected(std::move(snapshot).error());
  }
}

Result<SnapshotContents> read_contents(const SearchSeat& seat, Generation generation, const std::string& uuid,
                                       RunContext& run) {
  const std::string path = seat.directory.repository() + "/index-" + std::to_string(generation.value);
  engine::Command command;
  command.argv = {"cat", path};
  TRY_ASSIGN(answer, engine::run_command_for_text(seat.client.engine(), seat.client.container().id, command, run,
                                                  kContentsLimit));
  if (answer.outcome.exit_code != 0) return fail(Errc::failed, "read " + path + ": " + answer.outcome.errors);
  return parse_contents(answer.out, uuid);
}

// Runs a script beside the indices of the repository; $2: the snapshot's uuid.
Result<std::string> read_indices(const SearchSeat& seat, std::string_view script, const std::string& uuid,
                                 RunContext& run) {
  engine::Command command;
  command.argv = {"sh",
                  "-c",
                  R"([ -d "$1/indices" ] || exit 0; cd -- "$1/indices" || exit; )" + std::string(script),
                  "davit",
                  seat.directory.repository(),
                  uuid};
  TRY_ASSIGN(answer, engine::run_command_for_text(seat.client.engine(), seat.client.container().id, command, run,
                                                  kContentsLimit));
  if (answer.outcome.exit_code != 0)
    return fail(Errc::failed, "look into " + seat.directory.repository() + ": " + answer.outcome.errors);
  return std::move(answer.out);
}

// What is left out of the artefact: what only other snapshots need.
Result<std::vector<std::string>> choose_excluded(const SearchSeat& seat, const SnapshotContents& contents,
                                                 const TakenSnapshot& snapshot, RunContext& run) {
  std::vector<std::string> excluded;
  for (const std::string& id : contents.others) excluded.push_back("indices/" + id);
  TRY_ASSIGN(lists, read_indices(seat, kListsOfShards, snapshot.uuid, run));
  TRY_ASSIGN(present, read_indices(seat, kFilesOfShards, snapshot.uuid, run));
  const auto unneeded = unneeded_blobs(parse_blob_names(lists), snapshot.files, split(present, '\n'));
  // A helper is told each of them. Where there are so many, what is gained is small beside what stays.
  if (unneeded.size() > kMostExcluded) return excluded;
  for (const std::string& path : unneeded) excluded.push_back("indices/" + path);
  return excluded;
}

// What a restore has to know before it deletes anything, and to set behind it.
void note_aliases(const Taken& taken, model::Item& item) {
  const auto is_taken = [&](const std::string& name) {
    return std::ranges::contains(taken.choice.indices, name, &SearchIndex::name) ||
           std::ranges::contains(taken.choice.streams, name, &DataStream::name);
  };
  for (SearchAlias alias : taken.aliases) {
    std::erase_if(alias.holders, [&](const std::string& holder) { return !is_taken(holder); });
    if (!alias.holders.empty()) item.attributes[std::string(kAliasOf) + alias.name] = render_alias(alias);
  }
  for (const auto& [name, blocks] : taken.blocks)
    if (is_taken(name) && !blocks.empty()) item.attributes[std::string(kBlocksOf) + name] = render_blocks(blocks);
}

// Exact only if nothing was written meanwhile.
Result<> note_documents(const SearchSeat& seat, const Taken& taken, model::Item& item, RunContext& run) {
  refresh(seat.client, taken.choice.indices, run);
  TRY_ASSIGN(after, list_indices(seat.client, run));
  for (const SearchIndex& before : taken.choice.indices) {
    const auto now = std::ranges::find(after, before.name, &SearchIndex::name);
    const std::uint64_t count = before.documents.value_or(0);
    const bool same =
        now != after.end() && now->uuid == before.uuid && before.documents && now->documents == before.documents;
    item.attributes[std::string(kDocumentsOf) + before.name] = (same ? "" : "~") + std::to_string(count);
  }
  for (const DataStream& stream : taken.choice.streams) {
    std::string names;
    for (const std::string& name : stream.indices) names += (names.empty() ? "" : ",") + name;
    item.attributes[std::string(kStreamOf) + stream.name] = names;
  }
  note_aliases(taken, item);
  item.attributes["shards"] = std::to_string(taken.snapshot.shards);
  item.attributes["snapshot_uuid"] = taken.snapshot.uuid;
  return {};
}

Result<> refuse_change(Generation before, Generation after, const SearchDirectory& directory) {
  if (before == after) return {};
  return fail(Errc::locked,
              "something else has written to " + escape_for_display(directory.repository()) +
                  " while it was read: generation " + std::to_string(before.value) + " became " +
                  std::to_string(after.value),
              "leave the repository davit to davit; see that no other cluster has this directory mounted");
}

}  // namespace

Result<std::vector<Finding>> dump_search(helper::Host& host, const SearchSeat& seat, const SnapshotOwner& owner,
                                         const SearchOptions& options, model::Item& item, model::Artefact& artefact,
                                         const stream::Encoding& encoding, stream::ByteSink& stored, RunContext& run) {
  const SearchClient& client = seat.client;
  TRY_ASSIGN(nodes, list_nodes(client, true, run));
  if (nodes.empty()) return fail(Errc::failed, "the server doesn't tell its nodes");
  TRY(tend_search_directory(host.engine(), client.container(), seat.directory, nodes.front().process, run));
  TRY(open_repository(client, seat.directory, owner.stack, run));
  if (options.kept) {
    TRY_ASSIGN(kept,
               in_context(options.kept(owner.stack), "list the backups, to delete snapshots that none of them holds"));
    prune_snapshots(client, owner.stack, kept, run);
  }
  const std::string name = "davit-" + lowercase(owner.backup);
  TRY_ASSIGN(taken, snapshot_now(seat, name, snapshot_mark(client, owner.stack, owner.backup), run));
  item.attributes["snapshot"] = name;
  TRY(note_documents(seat, taken, item, run));

  TRY_ASSIGN(before, generation_in_files(client, seat.directory, run));
  TRY_ASSIGN(contents, read_contents(seat, before, taken.snapshot.uuid, run));
  TRY_ASSIGN(excluded, choose_excluded(seat, contents, taken.snapshot, run));
  const helper::PackOptions pack{encoding, {}, std::move(excluded)};
  const helper::Place place{helper::Place::Kind::directory, seat.directory.repository_on_host(), false};
  TRY_ASSIGN(session, helper::Session::open(host, place, helper::Access::read, run));
  TRY_ASSIGN(packed, session.pack(pack, stored));
  TRY(session.close());
  TRY_ASSIGN(after, generation_in_files(client, seat.directory, run));
  TRY(refuse_change(before, after, seat.directory));
  // Of a repository that rests nothing can change: what a volume would only note is a failure here.
  if (!packed.findings.empty())
    return fail(Errc::failed, "read " + seat.directory.repository_on_host() + ": " + packed.findings.front().path +
                                  " " + packed.findings.front().what);
  artefact.codec = encoding.codec;
  artefact.plain = packed.plain;
  artefact.stored = packed.stored;
  artefact.entries = packed.entries;
  return std::vector<Finding>{};
}

}  // namespace davit::sources
