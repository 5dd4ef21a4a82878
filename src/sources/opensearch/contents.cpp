#include "sources/opensearch/contents.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace davit::sources {

using nlohmann::json;

Result<SnapshotContents> parse_contents(std::string_view index_file, std::string_view uuid) {
  const json list = json::parse(index_file, nullptr, false);
  if (!list.is_object() || !list.contains("snapshots") || !list["snapshots"].is_array())
    return fail(Errc::corrupt, "its newest file index-N is no list of snapshots");
  try {
    const bool known = std::ranges::any_of(
        list["snapshots"], [&](const json& each) { return each.at("uuid").get<std::string>() == uuid; });
    if (!known) return fail(Errc::corrupt, "its newest file index-N has no snapshot " + std::string(uuid));
    SnapshotContents contents;
    for (const auto& [name, index] : list.at("indices").items()) {
      const auto id = index.at("id").get<std::string>();
      const bool ours = std::ranges::any_of(index.at("snapshots"), [&](const json& each) {
        // Of before version 7.
        return (each.is_string() ? each.get<std::string>() : each.value("uuid", "")) == uuid;
      });
      if (ours) contents.indices.insert(name);
      // Where the files of shards lie elsewhere (shard_path_type), nothing is known to be of no use.
      const bool fixed = index.value("shard_path_type", 0) == 0;
      if (fixed) (ours ? contents.directories : contents.others).insert(id);
    }
    for (const std::string& id : contents.directories) contents.others.erase(id);
    return contents;
  } catch (const json::exception& e) {
    return fail(Errc::corrupt, std::string("its newest file index-N: ") + e.what());
  }
}

}  // namespace davit::sources
