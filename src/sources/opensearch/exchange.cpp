#include "sources/opensearch/exchange.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "net/url.hpp"
#include "sources/opensearch/recovery.hpp"
#include "sources/opensearch/repository.hpp"
#include "sources/opensearch/snapshot.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;
using Present = std::map<std::string, std::string>;  // name of an index → its uuid

Result<Present> present_indices(const SearchClient& client, RunContext& run) {
  TRY_ASSIGN(indices, list_indices(client, run));
  Present present;
  for (const SearchIndex& index : indices) present.emplace(index.name, index.uuid);
  return present;
}

Result<> set_blocks(const SearchClient& client, const std::vector<std::string>& names, const json& value,
                    RunContext& run) {
  for (const std::string& batch : path_batches(names))
    TRY(client.send("PUT", "/" + batch + "/_settings", {{"index.blocks.write", value}}, run));
  return {};
}

std::vector<std::string> old_names(const SearchEntry& entry) {
  std::vector<std::string> names;
  for (const SearchThing& thing : entry.things)
    for (const auto& [name, uuid] : thing.old) names.push_back(name);
  return names;
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

Result<> forget_saved(const SearchClient& client, const SearchEntry& entry, RunContext& run) {
  return entry.saved.empty() ? Result<>() : client.remove(snapshot_path(kSearchRepository, entry.saved), run);
}

// True also where there is nothing to save.
Result<bool> is_saved(const SearchClient& client, const SearchEntry& entry, RunContext& run) {
  if (entry.saved.empty()) return true;
  auto found = client.get(snapshot_path(kSearchRepository, entry.saved), run);
  if (found) return true;
  if (found.error().code() == Errc::not_found) return false;
  return std::unexpected(std::move(found).error());
}

Result<> bring_back(const SearchClient& client, const SearchEntry& entry, const Present& present, RunContext& run) {
  RecoveryRequest request{std::string(kSearchRepository), entry.saved, {}, {}, {}, true};
  for (const SearchThing& thing : entry.things) {
    if (!thing.old.empty() && untouched(thing, present)) continue;
    TRY(remove_thing(client, thing, run));
    if (thing.old.empty()) continue;
    request.named.push_back(thing.name);
    for (const auto& [name, uuid] : thing.old) request.expected.push_back(name);
  }
  if (request.named.empty()) return {};
  return in_context(restore_indices(client, request, run), "bring back what was replaced");
}

}  // namespace

Result<> note_old(const SearchClient& client, std::vector<SearchThing>& things, RunContext& run) {
  TRY_ASSIGN(present, present_indices(client, run));
  TRY_ASSIGN(streams, list_streams(client, run));
  TRY_ASSIGN(blocks, client.get("/_all/_settings/index.blocks.write?flat_settings=true&expand_wildcards=all", run));
  const auto is_blocked = [&](const std::string& name) {
    const json::json_pointer setting("/settings/index.blocks.write");
    const auto found = blocks.is_object() ? blocks.find(name) : blocks.end();
    return found != blocks.end() && found->contains(setting) && (*found)[setting] == "true";
  };
  for (SearchThing& thing : things) {
    thing.old.clear();
    thing.blocked.clear();
    const auto add = [&](const std::string& name) {
      const auto found = present.find(name);
      if (found == present.end()) return;
      thing.old.emplace(*found);
      if (is_blocked(name)) thing.blocked.push_back(name);
    };
    const auto stream = std::ranges::find(streams, thing.name, &DataStream::name);
    if (thing.stream && stream != streams.end())
      for (const std::string& name : stream->indices) add(name);
    if (!thing.stream) add(thing.name);
  }
  return {};
}

Result<> save_old(const SearchClient& client, const SearchDirectory& directory, const SearchEntry& entry,
                  RunContext& run) {
  TRY_ASSIGN(nodes, list_nodes(client, true, run));
  if (!nodes.empty())
    TRY(tend_search_directory(client.engine(), client.container(), directory, nodes.front().process, run));
  TRY(open_repository(client, directory, entry.project, run));
  const std::vector<std::string> names = old_names(entry);
  TRY(set_blocks(client, names, true, run));
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
    // It goes last of all: without it everything has been brought back already, by somebody who ended before he said
    // so.
    TRY_ASSIGN(saved, is_saved(client, entry, run));
    TRY_ASSIGN(present, present_indices(client, run));
    if (saved) TRY(bring_back(client, entry, present, run));
  }
  if (entry.step != SearchEntry::Step::placing) {
    TRY_ASSIGN(present, present_indices(client, run));
    std::vector<std::string> free;
    std::vector<std::string> blocked;
    for (const SearchThing& thing : entry.things)
      for (const auto& [name, uuid] : thing.old)
        if (present.contains(name)) (std::ranges::contains(thing.blocked, name) ? blocked : free).push_back(name);
    TRY(set_blocks(client, free, nullptr, run));
    TRY(set_blocks(client, blocked, true, run));
  }
  TRY(client.remove(snapshot_path(entry.repository), run));
  return forget_saved(client, entry, run);
}

Result<> carry_on(const SearchClient& client, const SearchEntry& entry, RunContext& run) {
  TRY(forget_saved(client, entry, run));
  return client.remove(snapshot_path(entry.repository), run);
}

}  // namespace davit::sources
