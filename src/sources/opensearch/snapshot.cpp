#include "sources/opensearch/snapshot.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

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
constexpr std::size_t kNamed = 3;

std::string text_of(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// "logs-1 shard 0: reason; … and 4 more"
std::string failures_of(const json& snapshot) {
  const json failures = snapshot.value("failures", json::array());
  std::string text;
  std::size_t count = 0;
  for (const json& each : failures) {
    if (++count > kNamed) continue;
    text += (text.empty() ? "" : "; ") + text_of(each, "index") + " shard " +
            std::to_string(each.value("shard_id", 0)) + ": " + text_of(each, "reason");
  }
  if (count > kNamed) text += "; and " + std::to_string(count - kNamed) + " more";
  return text;
}

Result<json> ask_for(const SearchClient& client, const SnapshotRequest& request, RunContext& run) {
  TRY_ASSIGN(answer, client.get(snapshot_path(request.repository, request.name), run));
  const json list = answer.value("snapshots", json::array());
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
  if (!status || !status->is_object() || !status->contains(where) || !(*status)[where].is_number_unsigned()) return {};
  return (*status)[where].get<std::uint64_t>();
}

Result<json> wait_until_done(const SearchClient& client, const SnapshotRequest& request, RunContext& run) {
  std::chrono::milliseconds pause = kFirstPoll;
  auto answered = run.clock.steady();
  auto moved = answered;
  std::string progress;
  while (true) {
    TRY(run.check());
    auto state = ask_for(client, request, run);
    const auto now = run.clock.steady();
    if (state) {
      answered = now;
      if (const std::string word = text_of(*state, "state"); word != "IN_PROGRESS" && word != "STARTED") return state;
      if (std::string latest = progress_of(client, request, run); latest != progress) {
        progress = std::move(latest);
        moved = now;
      }
      if (now - moved > kStall) return fail(Errc::unavailable, "nothing has moved for half an hour");
    } else if (state.error().code() != Errc::unavailable || now - answered > kSilence) {
      return state;
    }
    run.clock.sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(pause * 2, kLastPoll);
  }
}

}  // namespace

std::string incomplete(const json& snapshot, const std::vector<std::string>& expected) {
  const std::string state = text_of(snapshot, "state");
  const json shards = snapshot.value("shards", json::object());
  const auto count = [&](const char* name) { return shards.value(name, std::int64_t{-1}); };
  const std::string failures = failures_of(snapshot);
  if (state != "SUCCESS" || !failures.empty()) {
    std::string why = "it ended as " + (state.empty() ? "nothing that is known" : state);
    if (const std::string reason = text_of(snapshot, "reason"); !reason.empty()) why += ": " + reason;
    return failures.empty() ? why : why + ": " + failures;
  }
  if (count("failed") != 0 || count("successful") != count("total"))
    return std::to_string(count("successful")) + " of " + std::to_string(count("total")) + " shards are in it";
  std::vector<std::string> held;
  for (const json& each : snapshot.value("indices", json::array()))
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
    const json& shards = (*done)["shards"];
    return TakenSnapshot{text_of(*done, "uuid"), shards.value("total", std::uint64_t{0}),
                         count_files(client, request, run)};
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
