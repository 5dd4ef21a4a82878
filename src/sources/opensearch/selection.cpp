#include "sources/opensearch/selection.hpp"

#include <algorithm>
#include <format>

#include "util/text.hpp"

namespace davit::sources {
namespace {

using model::attribute;

constexpr std::string_view kOther = "choose others with --indices, or other names with --indices-prefix";

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + escape_for_display(name);
  return text;
}

std::string what_of(const SearchThing& thing) {
  return (thing.stream ? "data stream " : "index ") + escape_for_display(thing.name);
}

std::vector<SearchAlias> aliases_of(const model::Item& item, const SearchSelection& selection) {
  std::vector<SearchAlias> aliases;
  for (const auto& [key, value] : item.attributes) {
    if (!key.starts_with(kAliasOf)) continue;
    SearchAlias alias = parse_alias(std::string_view(key).substr(kAliasOf.size()), value);
    std::erase_if(alias.holders, [&](const std::string& holder) {
      return !std::ranges::contains(selection.indices, holder) && !std::ranges::contains(selection.named, holder);
    });
    if (alias.holders.empty()) continue;
    if (!std::ranges::contains(alias.holders, alias.writes)) alias.writes.clear();
    aliases.push_back(std::move(alias));
  }
  return aliases;
}

// A name of the backup's is something else here. What it is can't be saved and deleted by that name.
std::optional<Conflict> check_kind(const SearchThing& thing, const SearchPresent& present) {
  const std::string wanted = thing.stream ? "a data stream" : "an index";
  const auto conflict = [&](const std::string& what, const std::string& remedy) {
    return Conflict{what + ", and the backup has " + wanted + " of that name", remedy + std::string(kOther), false};
  };
  const std::string name = escape_for_display(thing.name);
  if (const SearchAlias* alias = present.find_alias(thing.name))
    return conflict(name + " is an alias of " + list_of(alias->holders), "remove the alias, ");
  if (thing.stream ? present.find_index(thing.name) != nullptr : present.find_stream(thing.name) != nullptr)
    return conflict((thing.stream ? "index " : "data stream ") + name + " is there", "delete it, or ");
  return std::nullopt;
}

std::vector<const SearchIndex*> replaced_by(const SearchThing& thing, const SearchPresent& present) {
  std::vector<const SearchIndex*> indices;
  const DataStream* stream = thing.stream ? present.find_stream(thing.name) : nullptr;
  for (const SearchIndex& each : present.indices)
    if (thing.stream ? stream != nullptr && std::ranges::contains(stream->indices, each.name) : each.name == thing.name)
      indices.push_back(&each);
  return indices;
}

std::optional<Conflict> check_replaced(const SearchThing& thing, const std::vector<const SearchIndex*>& replaced,
                                       const SearchPresent& present) {
  std::uint64_t documents = 0;
  bool counted = true;
  bool closed = false;
  for (const SearchIndex* each : replaced) {
    closed = closed || !each->open;
    counted = counted && each->documents.has_value();
    documents += each->documents.value_or(0);
    const auto found = present.blocks.find(each->name);
    if (found == present.blocks.end()) continue;
    BlockNames others = found->second;
    others.erase("write");
    if (!others.empty())
      return Conflict{std::format("{} is there, and index {} has a block ({}): it can't be replaced", what_of(thing),
                                  escape_for_display(each->name), escape_for_display(render_blocks(others))),
                      std::format("lift it (PUT {}/_settings {{\"index.blocks.{}\": null}}), or {}",
                                  escape_for_display(each->name), escape_for_display(*others.begin()), kOther),
                      false};
  }
  if (closed)
    return Conflict{what_of(thing) + " is there, and closed: it can't be saved before it is replaced",
                    "open or delete it, or " + std::string(kOther), false};
  if (!counted)
    return Conflict{what_of(thing) + " is there, and lacks shards: it can't be saved before it is replaced",
                    "mend or delete it, or " + std::string(kOther), false};
  if (documents == 0) return std::nullopt;
  return Conflict{std::format("{} holds {} documents", what_of(thing), documents),
                  "use --replace, " + std::string(kOther), true};
}

// An alias that comes back must not be the name of something else, nor write to two indices.
std::optional<Conflict> check_alias(const SearchAlias& alias, const SearchSelection& selection,
                                    const SearchPresent& present) {
  const std::string name = escape_for_display(alias.name);
  const bool is_index = present.find_index(alias.name) != nullptr;
  if (is_index || present.find_stream(alias.name) != nullptr)
    return Conflict{std::format("{} {} is there, and the backup has an alias of that name, of {}",
                                is_index ? "index" : "data stream", name, list_of(alias.holders)),
                    "delete it, or " + std::string(kOther), false};
  const SearchAlias* other = present.find_alias(alias.name);
  if (other == nullptr || alias.writes.empty() || other->writes.empty()) return std::nullopt;
  const bool goes = std::ranges::any_of(selection.things, [&](const SearchThing& thing) {
    return std::ranges::contains(replaced_by(thing, present), other->writes,
                                 [](const SearchIndex* each) -> const std::string& { return each->name; }) ||
           thing.name == other->writes;
  });
  if (goes) return std::nullopt;
  return Conflict{std::format("alias {} writes to index {}, and in the backup to {}", name,
                              escape_for_display(other->writes), escape_for_display(alias.writes)),
                  "delete that index, or have the alias not write to it (POST _aliases), or " + std::string(kOther),
                  false};
}

}  // namespace

std::string render_alias(const SearchAlias& alias) {
  std::string text;
  for (const std::string& holder : alias.holders)
    text += (text.empty() ? "" : ",") + holder + (holder == alias.writes ? "*" : "");
  return text;
}

SearchAlias parse_alias(std::string_view name, std::string_view text) {
  SearchAlias alias;
  alias.name = name;
  for (std::string& holder : split(text, ',')) {
    const bool writes = holder.ends_with('*');
    if (writes) holder.pop_back();
    if (writes) alias.writes = holder;
    alias.holders.push_back(std::move(holder));
  }
  return alias;
}

Result<SearchSelection> select_indices(const model::Item& item, const SearchOptions& options) {
  SearchSelection selection;
  const std::string& prefix = options.restore_prefix;
  const auto taken = [&](const std::string& name) {
    const bool takes = options.restore_indices.empty() ||
                       std::ranges::any_of(options.restore_indices,
                                           [&](const std::string& pattern) { return matches_glob(pattern, name); });
    selection.whole = selection.whole && takes;
    return takes;
  };
  std::vector<std::string> of_streams;
  std::string known;
  const auto add = [&](SearchThing& thing, const std::string& index) {
    selection.indices.push_back(index);
    selection.documents[prefix + index] = attribute(item.attributes, std::string(kDocumentsOf) + index);
    thing.made[prefix + index] = attribute(item.attributes, std::string(kBlocksOf) + index);
  };
  for (const auto& [key, value] : item.attributes) {
    if (!key.starts_with(kStreamOf)) continue;
    const std::string name = key.substr(kStreamOf.size());
    const std::vector<std::string> indices = split(value, ',');
    of_streams.insert(of_streams.end(), indices.begin(), indices.end());
    known += (known.empty() ? "" : ", ") + name;
    if (!taken(name)) continue;
    if (!prefix.empty())
      return fail(Errc::usage, "data stream " + escape_for_display(name) + " can't be restored under another name",
                  "choose others with --indices, or restore without --indices-prefix");
    selection.named.push_back(name);
    SearchThing& thing = selection.things.emplace_back(name, true);
    for (const std::string& index : indices) add(thing, index);
  }
  for (const auto& [key, value] : item.attributes) {
    if (!key.starts_with(kDocumentsOf)) continue;
    const std::string name = key.substr(kDocumentsOf.size());
    if (std::ranges::contains(of_streams, name)) continue;
    known += (known.empty() ? "" : ", ") + name;
    if (!taken(name)) continue;
    selection.named.push_back(name);
    add(selection.things.emplace_back(prefix + name, false), name);
  }
  if (selection.named.empty())
    return fail(Errc::usage, "--indices fits nothing of " + item.id.text(), "it holds " + escape_for_display(known));
  // Under other names they come without.
  if (prefix.empty()) selection.aliases = aliases_of(item, selection);
  return selection;
}

std::vector<Conflict> check_names(const SearchSelection& selection, const SearchPresent& present) {
  std::vector<Conflict> conflicts;
  for (const SearchThing& thing : selection.things) {
    auto conflict = check_kind(thing, present);
    if (!conflict) conflict = check_replaced(thing, replaced_by(thing, present), present);
    if (conflict) conflicts.push_back(*std::move(conflict));
  }
  for (const SearchAlias& alias : selection.aliases)
    if (auto conflict = check_alias(alias, selection, present)) conflicts.push_back(*std::move(conflict));
  return conflicts;
}

}  // namespace davit::sources
