#pragma once
// What is in a search cluster under any name: indices, data streams, aliases, and what keeps indices from being
// changed.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sources/opensearch/cluster.hpp"

namespace davit::sources {

struct SearchAlias {
  std::string name;
  std::vector<std::string> holders;  // indices, or data streams, that have it
  std::string writes = {};           // the one of them that takes what is written to it; may be empty
};
// By name (REST API: Get alias).
[[nodiscard]] Result<std::vector<SearchAlias>> list_aliases(const SearchClient& client, RunContext& run);

// Settings `index.blocks.X` (REST API: index blocks): index → its X that are set. "write" keeps documents from being
// changed; the others (but "read") keep also settings from being changed, or the index from being deleted.
using BlockNames = std::set<std::string>;
using IndexBlocks = std::map<std::string, BlockNames>;
[[nodiscard]] Result<IndexBlocks> list_blocks(const SearchClient& client, RunContext& run);
// Brings each of these indices, which must be there, to the blocks that it is to have. What a disk that was full has
// set is lifted first. Changes nothing where nothing is to be changed.
[[nodiscard]] Result<> set_blocks(const SearchClient& client, const IndexBlocks& wanted, RunContext& run);

// "read_only,write", and back.
[[nodiscard]] std::string render_blocks(const BlockNames& blocks);
[[nodiscard]] BlockNames parse_blocks(std::string_view text);

struct SearchPresent {
  std::vector<SearchIndex> indices = {};
  std::vector<DataStream> streams = {};
  std::vector<SearchAlias> aliases = {};
  IndexBlocks blocks = {};

  [[nodiscard]] const SearchIndex* find_index(std::string_view name) const;
  [[nodiscard]] const DataStream* find_stream(std::string_view name) const;
  [[nodiscard]] const SearchAlias* find_alias(std::string_view name) const;
};
[[nodiscard]] Result<SearchPresent> look_into(const SearchClient& client, RunContext& run);

}  // namespace davit::sources
