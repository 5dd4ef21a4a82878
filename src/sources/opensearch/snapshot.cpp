#include "sources/opensearch/snapshot.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sources/json_field.hpp"
#include "sources/opensearch/patience.hpp"
#include "sources/opensearch/repository.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

constexpr std::size_t kNamed = 3;

// "logs-1 shard 0: reason; … and 4 more"
std::string failures_of(const json& snapshot) {
  const json& failures = list_field(snapshot, "failures");
  std::string text;
  std::size_t count = 0;
  for (const json& each : failures) {
    if (++count > kNamed) continue;
    text += (text.empty() ? "" : "; ") + text_field(each, "index") + " shard " +
            std::to_string(number_field(each, "shard_id", 0)) + ": " + text_field(each, "reason");
  }
  if (count > kNamed) text += "; and " + std::to_string(count - kNamed) + " more";
  return text;
}

Result<json> ask_for(const SearchClient& client, const SnapshotRequest& request, RunContext& run) {
  TRY_ASSIGN(answer, client.get(snapshot_path(request.repository, request.name), run));
  const json& list = list_field(answer, "snapshots");
  if (list.size() != 1) return fail(Errc::failed, "the server doesn't tell its state");
  return list[0];
}

// What has been done so far: as long as it changes, it goes on.
std::string progress_of(const SearchClient& client, const SnapshotRequest& request, RunContext& run) {
  const auto status = client.get(
      snapshot_path(request.repository, request.name) + "/_status?filter_path=snapshots.shards_stats,snapshots.stats",
      run);
  return status ? status->dump() : std::string();
}

std::optional<std::uint64_t> count_files(const SearchClient& client, const SnapshotRequest& request, RunContext& run) {
  const auto status = client.get(
      snapshot_path(request.repository, request.name) + "/_status?filter_path=snapshots.stats.total.file_count", run);
  const json::json_pointer where("/snapshots/0/stats/total/file_count");
  if (!status || !status->contains(where) || !(*status)[where].is_number_unsigned()) return {};
  return (*status)[where].get<std::uint64_t>();
}

Result<json> wait_until_done(const SearchClient& client, const SnapshotRequest& request, RunContext& run) {
  Patience patience(run);
  while (true) {
    TRY(run.check());
    auto state = ask_for(client, request, run);
    if (state) {
      if (const std::string word = text_field(*state, "state"); word != "IN_PROGRESS" && word != "STARTED")
        return state;
      if (!patience.goes_on(progress_of(client, request, run)))
        return fail(Errc::unavailable, "nothing has moved for half an hour");
    } else if (!patience.bears(state.error())) {
      return state;
    }
    TRY(patience.pause());
  }
}

}  // namespace

std::string incomplete(const json& snapshot, const std::vector<std::string>& expected) {
  const std::string state = text_field(snapshot, "state");
  const json& shards = field(snapshot, "shards");
  const auto count = [&](const char* name) { return number_field(shards, name, -1); };
  const std::string failures = failures_of(snapshot);
  if (state != "SUCCESS" || !failures.empty()) {
    std::string why = "it ended as " + (state.empty() ? "nothing that is known" : state);
    if (const std::string reason = text_field(snapshot, "reason"); !reason.empty()) why += ": " + reason;
    return failures.empty() ? why : why + ": " + failures;
  }
  if (count("failed") != 0 || count("successful") != count("total"))
    return std::to_string(count("successful")) + " of " + std::to_string(count("total")) + " shards are in it";
  std::vector<std::string> held;
  for (const json& each : list_field(snapshot, "indices"))
    if (each.is_string()) held.push_back(each.get<std::string>());
  for (const std::string& name : expected)
    if (!std::ranges::contains(held, name)) return "index " + name + " is not in it";
  for (const std::string& name : held)
    if (!std::ranges::contains(expected, name)) return "index " + name + " is in it, and was not asked for";
  return {};
}

Result<TakenSnapshot> take_snapshot(const SearchClient& client, const SnapshotRequest& request, RunContext& run) {
  const std::string path = snapshot_path(request.repository, request.name);
  const json body{{"indices", request.named},
                  {"ignore_unavailable", false},
                  {"include_global_state", false},
                  {"partial", false},
                  {"metadata", request.mark}};
  const std::string doing = "snapshot " + request.name;
  auto done = [&]() -> Result<json> {
    TRY(client.send("PUT", path + "?wait_for_completion=false", body, run));
    return wait_until_done(client, request, run);
  }();
  std::string why;
  if (done) why = incomplete(*done, request.expected);
  if (done && why.empty()) {
    const auto shards = static_cast<std::uint64_t>(number_field(field(*done, "shards"), "total", 0));
    return TakenSnapshot{text_field(*done, "uuid"), shards, count_files(client, request, run)};
  }
  // Also one whose request got no answer.
  RunContext last = run.unstoppable();
  auto removed = client.remove(path, last);
  const Error error =
      done ? Error(Errc::failed, doing + ": " + escape_for_display(why)) : std::move(done).error().context(doing);
  std::string message = error.message();
  if (!removed) message += "; and it can't be deleted: " + removed.error().message();
  std::string hint = error.hint();
  if (error.code() == Errc::failed && hint.empty())
    hint = "look at GET _cluster/health and GET _cat/shards: a snapshot takes every shard of its indices or none";
  return fail(error.code(), std::move(message), std::move(hint));
}

}  // namespace davit::sources
