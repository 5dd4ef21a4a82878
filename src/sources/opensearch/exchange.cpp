#include "sources/opensearch/exchange.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "net/url.hpp"
#include "sources/opensearch/recovery.hpp"
#include "sources/opensearch/repository.hpp"
#include "sources/opensearch/snapshot.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using Present = std::map<std::string, std::string>;  // name of an index → its uuid

Result<Present> present_indices(const SearchClient& client, RunContext& run) {
  TRY_ASSIGN(indices, list_indices(client, run));
  Present present;
  for (const SearchIndex& index : indices) present.emplace(index.name, index.uuid);
  return present;
}

// As they are named in the request of a snapshot.
std::vector<std::string> named_old(const SearchEntry& entry) {
  std::vector<std::string> names;
  for (const SearchThing& thing : entry.things)
    if (!thing.old.empty()) names.push_back(thing.name);
  return names;
}

bool untouched(const SearchThing& thing, const Present& present) {
  return std::ranges::all_of(thing.old, [&](const auto& old) {
    const auto found = present.find(old.first);
    return found != present.end() && found->second == old.second;
  });
}

Result<> remove_thing(const SearchClient& client, const SearchThing& thing, RunContext& run) {
  return client.remove((thing.stream ? "/_data_stream/" : "/") + net::percent_encode(thing.name), run);
}

// What is there by the name of a thing goes. By what else has that name nothing may be deleted.
Result<> clear_name(const SearchClient& client, const SearchThing& thing, const SearchPresent& there, RunContext& run) {
  if (const SearchAlias* alias = there.find_alias(thing.name); alias != nullptr && !thing.old.empty())
    return fail(Errc::failed,
                escape_for_display(thing.name) + " is an alias of " + escape_for_display(alias->holders.front()) +
                    " by now, and was " + (thing.stream ? "a data stream" : "an index"),
                "remove the alias (POST _aliases); then the next davit brings it back");
  const bool is_there =
      thing.stream ? there.find_stream(thing.name) != nullptr : there.find_index(thing.name) != nullptr;
  return is_there ? remove_thing(client, thing, run) : Result<>();
}

Result<> forget_saved(const SearchClient& client, const SearchEntry& entry, RunContext& run) {
  return entry.saved.empty() ? Result<>() : client.remove(snapshot_path(kSearchRepository, entry.saved), run);
}

Result<bool> has_saved(const SearchClient& client, const SearchEntry& entry, RunContext& run) {
  auto found = client.get(snapshot_path(kSearchRepository, entry.saved), run);
  if (found) return true;
  if (found.error().code() == Errc::not_found) return false;
  return std::unexpected(std::move(found).error());
}

// Whether there is anything to bring back from. It is forgotten as soon as everything was brought back, so without it
// that may have been done by somebody who ended before he said so; then all of it is there. True also where nothing was
// saved.
Result<bool> find_saved(const SearchClient& client, const SearchEntry& entry, RunContext& run) {
  if (entry.saved.empty()) return true;
  TRY_ASSIGN(saved, has_saved(client, entry, run));
  if (saved) return true;
  // A cluster that was made anew, or somebody has unregistered it: its files are still there.
  TRY_ASSIGN(nodes, list_nodes(client, false, run));
  TRY_ASSIGN(directory, find_search_directory(client.container(), entry.services.front(), nodes));
  TRY(open_repository(client, directory, entry.project, run));
  TRY_ASSIGN(found, has_saved(client, entry, run));
  if (found) return true;
  TRY_ASSIGN(present, present_indices(client, run));
  for (const SearchThing& thing : entry.things)
    for (const auto& [name, uuid] : thing.old)
      if (!present.contains(name))
        return fail(Errc::failed,
                    "index " + escape_for_display(name) + " is gone, and snapshot " + entry.saved +
                        ", which has it, is not in repository davit (" + directory.repository_on_host() + ")",
                    "bring back the files of that directory; or, if nobody needs what was replaced, make an index of "
                    "that name");
  return false;
}

// One request is quicker than many, but is refused as a whole.
Result<> restore_things(const SearchClient& client, const SearchEntry& entry,
                        std::span<const SearchThing* const> things, RunContext& run) {
  if (things.empty()) return {};
  RecoveryRequest request{std::string(kSearchRepository), entry.saved, {}, {}, {}};
  for (const SearchThing* thing : things) {
    request.named.push_back(thing->name);
    for (const auto& [name, uuid] : thing->old) request.expected.push_back(name);
  }
  auto begun = begin_recovery(client, request, run);
  if (begun) return await_recovery(client, request, run);
  if (begun.error().code() != Errc::failed || things.size() == 1) return begun;
  for (std::size_t i = 0; i < things.size(); ++i) {
    auto one = restore_things(client, entry, things.subspan(i, 1), run);
    if (!one) begun = std::move(one);
  }
  return begun;
}

Result<> bring_back(const SearchClient& client, const SearchEntry& entry, const Present& present, RunContext& run) {
  TRY_ASSIGN(there, look_into(client, run));
  Result<> result;
  std::vector<const SearchThing*> gone;
  for (const SearchThing& thing : entry.things) {
    if (!thing.old.empty() && untouched(thing, present)) continue;
    // What can't be removed is no reason to leave the others away.
    if (auto cleared = clear_name(client, thing, there, run); !cleared)
      result = std::move(cleared);
    else if (!thing.old.empty())
      gone.push_back(&thing);
  }
  if (auto restored = restore_things(client, entry, gone, run); !restored) result = std::move(restored);
  return in_context(std::move(result), "bring back what was replaced");
}

// Of the things that are there as before; or of all that are there.
Result<> unblock_old(const SearchClient& client, const SearchEntry& entry, bool only_untouched, RunContext& run) {
  TRY_ASSIGN(present, present_indices(client, run));
  IndexBlocks wanted;
  for (const SearchThing& thing : entry.things) {
    if (only_untouched && !untouched(thing, present)) continue;
    for (const auto& [name, uuid] : thing.old)
      if (present.contains(name))
        wanted[name] = std::ranges::contains(thing.blocked, name) ? BlockNames{"write"} : BlockNames{};
  }
  return in_context(set_blocks(client, wanted, run), "let what was kept be written to again");
}

}  // namespace

void note_old(const SearchPresent& present, std::vector<SearchThing>& things) {
  for (SearchThing& thing : things) {
    thing.old.clear();
    thing.blocked.clear();
    const auto add = [&](const std::string& name) {
      const SearchIndex* found = present.find_index(name);
      if (found == nullptr) return;
      thing.old.emplace(name, found->uuid);
      if (const auto blocks = present.blocks.find(name);
          blocks != present.blocks.end() && blocks->second.contains("write"))
        thing.blocked.push_back(name);
    };
    const DataStream* stream = thing.stream ? present.find_stream(thing.name) : nullptr;
    if (stream != nullptr)
      for (const std::string& name : stream->indices) add(name);
    if (!thing.stream) add(thing.name);
  }
}

Result<> save_old(const SearchClient& client, const SearchDirectory& directory, const SearchEntry& entry,
                  RunContext& run) {
  TRY_ASSIGN(nodes, list_nodes(client, true, run));
  if (!nodes.empty())
    TRY(tend_search_directory(client.engine(), client.container(), directory, nodes.front().process, run));
  TRY(open_repository(client, directory, entry.project, run));
  IndexBlocks blocked;
  std::vector<std::string> names;
  for (const SearchThing& thing : entry.things)
    for (const auto& [name, uuid] : thing.old) {
      blocked[name] = {"write"};
      names.push_back(name);
    }
  TRY(set_blocks(client, blocked, run));
  const SnapshotRequest request{std::string(kSearchRepository), entry.saved, named_old(entry), names,
                                snapshot_mark(client, entry.project, "")};
  TRY(in_context(take_snapshot(client, request, run), "save what is replaced"));
  return {};
}

Result<> delete_old(const SearchClient& client, const SearchEntry& entry, RunContext& run) {
  for (const SearchThing& thing : entry.things)
    if (!thing.old.empty()) TRY(remove_thing(client, thing, run));
  return {};
}

Result<> lead_back(const SearchClient& client, const SearchEntry& entry, RunContext& run) {
  if (entry.step == SearchEntry::Step::replacing) {
    TRY_ASSIGN(saved, find_saved(client, entry, run));
    TRY_ASSIGN(present, present_indices(client, run));
    if (saved) {
      if (auto back = bring_back(client, entry, present, run); !back) {
        // Whoever writes to what was restored now would lose it at the next try.
        TRY(unblock_old(client, entry, true, run));
        return back;
      }
      // Before anybody can write to what was brought back: it must not be brought back again.
      TRY(forget_saved(client, entry, run));
    }
  }
  if (entry.step != SearchEntry::Step::placing) TRY(unblock_old(client, entry, false, run));
  TRY(client.remove(snapshot_path(entry.repository), run));
  return forget_saved(client, entry, run);
}

Result<> carry_on(const SearchClient& client, const SearchEntry& entry, RunContext& run) {
  TRY_ASSIGN(present, present_indices(client, run));
  IndexBlocks wanted;
  for (const SearchThing& thing : entry.things)
    for (const auto& [name, blocks] : thing.made)
      if (present.contains(name)) wanted[name] = parse_blocks(blocks);
  TRY(in_context(set_blocks(client, wanted, run), "let what was restored be written to"));
  TRY(forget_saved(client, entry, run));
  return client.remove(snapshot_path(entry.repository), run);
}

}  // namespace davit::sources
