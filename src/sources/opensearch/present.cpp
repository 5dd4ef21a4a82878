#include "sources/opensearch/present.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sources/json_field.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

constexpr std::string_view kBlock = "index.blocks.";
// Set by the server on every index of a node whose disk is full, and lifted by it when there is room again.
constexpr std::string_view kFlooded = "read_only_allow_delete";

Result<> put_settings(const SearchClient& client, const std::vector<std::string>& names, const json& settings,
                      RunContext& run) {
  for (const std::string& batch : path_batches(names))
    TRY(client.send("PUT", "/" + batch + "/_settings", settings, run));
  return {};
}

template <class T>
const T* find_by_name(const std::vector<T>& list, std::string_view name) {
  const auto found = std::ranges::find(list, name, &T::name);
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

Result<std::vector<SearchAlias>> list_aliases(const SearchClient& client, RunContext& run) {
  TRY_ASSIGN(answer, client.get("/_alias?expand_wildcards=all", run));
  std::map<std::string, SearchAlias> aliases;
  for (const auto& [holder, each] : answer.items())
    for (const auto& [name, settings] : field(each, "aliases").items()) {
      SearchAlias& alias = aliases[name];
      alias.name = name;
      alias.holders.push_back(holder);
      if (field(settings, "is_write_index") == true) alias.writes = holder;
    }
  std::vector<SearchAlias> list;
  for (auto& [name, alias] : aliases) list.push_back(std::move(alias));
  return list;
}

Result<IndexBlocks> list_blocks(const SearchClient& client, RunContext& run) {
  TRY_ASSIGN(answer, client.get("/_all/_settings/index.blocks.*?flat_settings=true&expand_wildcards=all", run));
  IndexBlocks blocks;
  for (const auto& [name, each] : answer.items())
    for (const auto& [setting, value] : field(each, "settings").items())
      if (setting.starts_with(kBlock) && (value == "true" || value == true))
        blocks[name].insert(setting.substr(kBlock.size()));
  return blocks;
}

Result<> set_blocks(const SearchClient& client, const IndexBlocks& wanted, RunContext& run) {
  TRY_ASSIGN(present, list_blocks(client, run));
  std::vector<std::string> flooded;
  std::map<std::pair<BlockNames, BlockNames>, std::vector<std::string>> changes;  // (to lift, to set) → indices
  for (const auto& [name, blocks] : wanted) {
    BlockNames lifted;
    BlockNames added;
    std::ranges::set_difference(present[name], blocks, std::inserter(lifted, lifted.end()));
    std::ranges::set_difference(blocks, present[name], std::inserter(added, added.end()));
    // The server changes it only by a request of its own.
    if (lifted.erase(std::string(kFlooded)) > 0) flooded.push_back(name);
    if (!lifted.empty() || !added.empty()) changes[{lifted, added}].push_back(name);
  }
  TRY(put_settings(client, flooded, {{std::string(kBlock) + std::string(kFlooded), nullptr}}, run));
  for (const auto& [change, names] : changes) {
    json settings = json::object();
    for (const std::string& name : change.first) settings[std::string(kBlock) + name] = nullptr;
    for (const std::string& name : change.second) settings[std::string(kBlock) + name] = true;
    TRY(put_settings(client, names, settings, run));
  }
  return {};
}

std::string render_blocks(const BlockNames& blocks) {
  std::string text;
  for (const std::string& name : blocks) text += (text.empty() ? "" : ",") + name;
  return text;
}

BlockNames parse_blocks(std::string_view text) {
  const std::vector<std::string> names = split(text, ',');
  return {names.begin(), names.end()};
}

const SearchIndex* SearchPresent::find_index(std::string_view name) const { return find_by_name(indices, name); }
const DataStream* SearchPresent::find_stream(std::string_view name) const { return find_by_name(streams, name); }
const SearchAlias* SearchPresent::find_alias(std::string_view name) const { return find_by_name(aliases, name); }

Result<SearchPresent> look_into(const SearchClient& client, RunContext& run) {
  TRY_ASSIGN(indices, list_indices(client, run));
  TRY_ASSIGN(streams, list_streams(client, run));
  TRY_ASSIGN(aliases, list_aliases(client, run));
  TRY_ASSIGN(blocks, list_blocks(client, run));
  return SearchPresent{std::move(indices), std::move(streams), std::move(aliases), std::move(blocks)};
}

}  // namespace davit::sources
