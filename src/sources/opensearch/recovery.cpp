#include "sources/opensearch/recovery.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "sources/opensearch/repository.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kFirstPoll = 200ms;
constexpr auto kLastPoll = 2s;
constexpr auto kSilence = 2min;  // for which a server may not answer
constexpr auto kStall = 30min;   // for which nothing may move

std::string text_of(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

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
      client.get("/_cat/recovery?format=json&active_only=true&bytes=b&h=index,shard,bytes_recovered", run);
  return answer ? answer->dump() : std::string();
}

Result<> wait_for_primaries(const SearchClient& client, const std::vector<std::string>& names, RunContext& run) {
  std::chrono::milliseconds pause = kFirstPoll;
  auto answered = run.clock.steady();
  auto moved = answered;
  std::string progress;
  while (true) {
    TRY(run.check());
    const auto shards =
        client.get("/_cat/shards?format=json&h=index,shard,prirep,state,unassigned.reason,unassigned.details", run);
    const auto now = run.clock.steady();
    if (shards) {
      answered = now;
      const ShardCount count = count_primaries(*shards, names);
      if (!count.failure.empty()) return fail(Errc::failed, escape_for_display(count.failure));
      std::set<std::string> seen;
      for (const json& each : *shards) seen.insert(text_of(each, "index"));
      const bool all = std::ranges::all_of(names, [&](const std::string& name) { return seen.contains(name); });
      if (all && count.waiting == 0) return {};
      std::string latest = std::to_string(count.started) + bytes_recovered(client, run);
      if (latest != progress) {
        progress = std::move(latest);
        moved = now;
      }
      if (now - moved > kStall)
        return fail(Errc::unavailable,
                    std::to_string(count.waiting) + " shards don't come: nothing has moved for half an hour",
                    "GET _cluster/allocation/explain says why");
    } else if (shards.error().code() != Errc::unavailable || now - answered > kSilence) {
      return std::unexpected(shards.error());
    }
    run.clock.sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(pause * 2, kLastPoll);
  }
}

}  // namespace

ShardCount count_primaries(const json& shards, const std::vector<std::string>& indices) {
  ShardCount count;
  for (const json& each : shards) {
    const std::string index = text_of(each, "index");
    if (text_of(each, "prirep") != "p" || !std::ranges::contains(indices, index)) continue;
    const std::string state = text_of(each, "state");
    if (state == "STARTED" || state == "RELOCATING") {
      ++count.started;
      continue;
    }
    ++count.waiting;
    if (state == "UNASSIGNED" && text_of(each, "unassigned.reason") == "ALLOCATION_FAILED" && count.failure.empty())
      count.failure = "shard " + text_of(each, "shard") + " of index " + index +
                      " can't be restored: " + text_of(each, "unassigned.details");
  }
  return count;
}

Result<> restore_indices(const SearchClient& client, const RecoveryRequest& request, RunContext& run) {
  json body{{"indices", request.named},
            {"ignore_unavailable", false},
            {"include_global_state", false},
            {"include_aliases", request.prefix.empty()},
            {"partial", false}};
  if (request.unblock) body["ignore_index_settings"] = {"index.blocks.write"};
  std::vector<std::string> names;
  for (const std::string& name : request.expected) names.push_back(request.prefix + name);
  if (!request.prefix.empty()) {
    body["rename_pattern"] = "^(.+)$";
    body["rename_replacement"] = literal_replacement(request.prefix) + "$1";
  }
  TRY(client.send("POST", snapshot_path(request.repository, request.snapshot) + "/_restore?wait_for_completion=false",
                  body, run));
  return wait_for_primaries(client, names, run);
}

}  // namespace davit::sources
