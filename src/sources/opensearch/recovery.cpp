#include "sources/opensearch/recovery.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "sources/json_field.hpp"
#include "sources/opensearch/patience.hpp"
#include "sources/opensearch/repository.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

// In a replacement of a regular expression these two mean something.
std::string literal_replacement(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '$' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

// What comes in counts as progress, too: a shard may take hours.
std::string bytes_recovered(const SearchClient& client, RunContext& run) {
  const auto answer =
      client.rows("/_cat/recovery?format=json&active_only=true&bytes=b&h=index,shard,bytes_recovered", run);
  return answer ? answer->dump() : std::string();
}

std::vector<std::string> new_names(const RecoveryRequest& request) {
  std::vector<std::string> names;
  for (const std::string& name : request.expected) names.push_back(request.prefix + name);
  return names;
}

}  // namespace

ShardCount count_primaries(const json& shards, const std::vector<std::string>& indices) {
  ShardCount count;
  for (const json& each : shards) {
    const std::string index = text_field(each, "index");
    if (text_field(each, "prirep") != "p" || !std::ranges::contains(indices, index)) continue;
    const std::string state = text_field(each, "state");
    if (state == "STARTED" || state == "RELOCATING") {
      ++count.started;
      continue;
    }
    ++count.waiting;
    if (state == "UNASSIGNED" && text_field(each, "unassigned.reason") == "ALLOCATION_FAILED" && count.failure.empty())
      count.failure = "shard " + text_field(each, "shard") + " of index " + index +
                      " can't be restored: " + text_field(each, "unassigned.details");
  }
  return count;
}

Result<> begin_recovery(const SearchClient& client, const RecoveryRequest& request, RunContext& run) {
  json body{{"indices", request.named},
            {"ignore_unavailable", false},
            {"include_global_state", false},
            {"include_aliases", request.prefix.empty()},
            {"partial", false},
            {"ignore_index_settings", {"index.blocks.*"}},
            {"index_settings", {{"index.blocks.write", true}}}};
  if (!request.prefix.empty()) {
    body["rename_pattern"] = "^(.+)$";
    body["rename_replacement"] = literal_replacement(request.prefix) + "$1";
  }
  TRY(client.send("POST", snapshot_path(request.repository, request.snapshot) + "/_restore?wait_for_completion=false",
                  body, run));
  return {};
}

Result<> await_recovery(const SearchClient& client, const RecoveryRequest& request, RunContext& run) {
  const std::vector<std::string> names = new_names(request);
  Patience patience(run);
  while (true) {
    TRY(run.check());
    const auto shards =
        client.rows("/_cat/shards?format=json&h=index,shard,prirep,state,unassigned.reason,unassigned.details", run);
    if (shards) {
      const ShardCount count = count_primaries(*shards, names);
      if (!count.failure.empty()) return fail(Errc::failed, escape_for_display(count.failure));
      std::set<std::string> seen;
      for (const json& each : *shards) seen.insert(text_field(each, "index"));
      const bool all = std::ranges::all_of(names, [&](const std::string& name) { return seen.contains(name); });
      if (all && count.waiting == 0) return {};
      if (!patience.goes_on(std::to_string(count.started) + bytes_recovered(client, run)))
        return fail(Errc::unavailable,
                    std::to_string(count.waiting) + " shards don't come: nothing has moved for half an hour",
                    "GET _cluster/allocation/explain says why");
    } else if (!patience.bears(shards.error())) {
      return std::unexpected(shards.error());
    }
    TRY(patience.pause());
  }
}

}  // namespace davit::sources
