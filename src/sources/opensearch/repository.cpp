#include "sources/opensearch/repository.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/command.hpp"
#include "net/url.hpp"
#include "sources/json_field.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

constexpr std::string_view kOneWriter =
    "one cluster writes to a repository: mount a directory of its own into the other one. Then, so that this one reads "
    "anew what is there: DELETE _snapshot/davit";

// Not compressed: its lists are short, and can be read (see blobs.hpp).
json registration(const SearchDirectory& directory) {
  return {{"type", "fs"}, {"settings", {{"location", directory.repository()}, {"compress", false}}}};
}

// As it is registered now; nothing if it isn't, or is for something else.
Result<bool> is_registered(const SearchClient& client, const SearchDirectory& directory, RunContext& run) {
  auto answer = client.get(snapshot_path(kSearchRepository), run);
  if (!answer && answer.error().code() == Errc::not_found) return false;
  if (!answer) return std::unexpected(std::move(answer).error());
  const json& entry = field(*answer, "davit");
  const json& settings = field(entry, "settings");
  return text_field(entry, "type") == "fs" && text_field(settings, "location") == directory.repository() &&
         text_field(settings, "readonly") != "true";
}

// As this cluster has left it; nothing where it hasn't looked yet.
Result<std::optional<Generation>> generation_in_cluster(const SearchClient& client, RunContext& run) {
  TRY_ASSIGN(answer, client.get("/_cluster/state/metadata?filter_path=metadata.repositories", run));
  const json::json_pointer where("/metadata/repositories/davit/generation");
  if (!answer.contains(where) || !answer[where].is_number_integer()) return std::nullopt;
  const auto value = answer[where].get<std::int64_t>();
  if (value < -1) return std::nullopt;
  return Generation{value};
}

Error not_writable(const Error& error, const SearchDirectory& directory) {
  return Error(Errc::usage,
               "snapshots can't be written to " + escape_for_display(directory.repository()) + ": " + error.message(),
               "every node of the cluster needs " + directory.path + " mounted, from the same directory of the host (" +
                   directory.host + "), and its user must be able to write there");
}

Result<> refuse_other_writers(const SearchClient& client, const SearchDirectory& directory, RunContext& run) {
  TRY_ASSIGN(known, generation_in_cluster(client, run));
  if (!known) return {};
  TRY_ASSIGN(files, generation_in_files(client, directory, run));
  if (*known == files) return {};
  // Somebody has cleared it away: nothing is there that could be mixed.
  if (files.value < 0) return client.remove(snapshot_path(kSearchRepository), run);
  return fail(Errc::locked,
              "something else has written to " + escape_for_display(directory.repository()) +
                  ": this cluster has left generation " + std::to_string(known->value) + " there, and it is " +
                  std::to_string(files.value),
              std::string(kOneWriter));
}

Result<> refuse_other_clusters(const SearchClient& client, const std::vector<OwnSnapshot>& snapshots) {
  const std::string& self = client.product().cluster_uuid;
  std::int64_t last_own = 0;
  for (const OwnSnapshot& each : snapshots)
    if (each.cluster == self) last_own = std::max(last_own, each.started);
  if (last_own == 0) return {};  // the repository of a cluster that was made anew
  for (const OwnSnapshot& each : snapshots)
    if (each.ours && each.cluster != self && each.started > last_own)
      return fail(Errc::locked,
                  "another cluster (" + each.cluster + ") has made snapshot " + escape_for_display(each.name) +
                      " in this one's repository",
                  std::string(kOneWriter));
  return {};
}

// A snapshot of davit's own that is under way belongs to a dead run: the stack is locked by this one.
Result<> end_what_is_under_way(const SearchClient& client, const std::vector<OwnSnapshot>& snapshots,
                               const std::string& stack, RunContext& run) {
  for (const OwnSnapshot& each : snapshots) {
    if (each.state != "IN_PROGRESS") continue;
    if (!each.ours || each.stack != stack)
      return fail(Errc::locked,
                  "snapshot " + escape_for_display(each.name) + " of somebody else is under way in repository davit",
                  "leave that repository to davit, or try again when it is done");
    run.reporter.note("snapshot " + each.name + ", which a dead run had begun, is aborted");
    TRY(client.remove(snapshot_path(kSearchRepository, each.name), run));
  }
  return {};
}

}  // namespace

std::string snapshot_path(std::string_view repository, std::string_view snapshot) {
  std::string path = "/_snapshot/" + net::percent_encode(repository);
  if (!snapshot.empty()) path += "/" + net::percent_encode(snapshot);
  return path;
}

json snapshot_mark(const SearchClient& client, const std::string& stack, const std::string& backup) {
  // A name may be of any bytes, JSON is UTF-8.
  return {
      {"davit", {{"cluster", client.product().cluster_uuid}, {"stack", encode_file_name(stack)}, {"backup", backup}}}};
}

Result<std::vector<OwnSnapshot>> list_snapshots(const SearchClient& client, std::string_view repository,
                                                RunContext& run) {
  // One whose file is damaged keeps nobody from the others.
  TRY_ASSIGN(
      answer,
      client.get(snapshot_path(repository) +
                     "/_all?ignore_unavailable=true&filter_path=snapshots.snapshot,snapshots.uuid,snapshots.state,"
                     "snapshots.metadata,snapshots.start_time_in_millis",
                 run));
  std::vector<OwnSnapshot> snapshots;
  for (const json& each : list_field(answer, "snapshots")) {
    OwnSnapshot snapshot;
    snapshot.name = text_field(each, "snapshot");
    snapshot.uuid = text_field(each, "uuid");
    snapshot.state = text_field(each, "state");
    snapshot.started = number_field(each, "start_time_in_millis", 0);
    const json::json_pointer where("/metadata/davit");
    if (each.contains(where)) {
      const json& mark = each[where];
      snapshot.ours = true;
      snapshot.cluster = text_field(mark, "cluster");
      snapshot.backup = text_field(mark, "backup");
      if (auto stack = decode_file_name(text_field(mark, "stack"))) snapshot.stack = *std::move(stack);
    }
    snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

Generation newest_generation(const std::vector<std::string>& names) {
  constexpr std::string_view kPrefix = "index-";
  Generation newest;
  for (const std::string_view name : names) {
    if (!name.starts_with(kPrefix)) continue;
    const std::string_view digits = name.substr(kPrefix.size());
    std::int64_t number = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (read.ec == std::errc{} && read.ptr == digits.data() + digits.size())
      newest.value = std::max(newest.value, number);
  }
  return newest;
}

Result<Generation> generation_in_files(const SearchClient& client, const SearchDirectory& directory, RunContext& run) {
  engine::Command command;
  command.argv = {"sh", "-c",
                  R"([ -e "$1" ] || exit 0; cd -- "$1" || exit; for f in index-*; do printf '%s\n' "$f"; done)",
                  "davit", directory.repository()};
  TRY_ASSIGN(answer, engine::run_command_for_text(client.engine(), client.container().id, command, run));
  if (answer.outcome.exit_code != 0)
    return fail(Errc::failed, "look into " + directory.repository() + ": " + answer.outcome.errors);
  return newest_generation(split(answer.out, '\n'));
}

Result<> open_repository(const SearchClient& client, const SearchDirectory& directory, const std::string& stack,
                         RunContext& run) {
  TRY_ASSIGN(was_registered, is_registered(client, directory, run));
  if (was_registered) TRY(refuse_other_writers(client, directory, run));
  TRY_ASSIGN(registered, is_registered(client, directory, run));
  if (registered) {
    if (auto verified = client.send("POST", snapshot_path(kSearchRepository) + "/_verify", json(), run); !verified)
      return std::unexpected(not_writable(verified.error(), directory));
  } else if (auto made = client.send("PUT", snapshot_path(kSearchRepository), registration(directory), run); !made) {
    return std::unexpected(not_writable(made.error(), directory));
  }
  TRY_ASSIGN(snapshots, list_snapshots(client, kSearchRepository, run));
  if (registered) TRY(refuse_other_clusters(client, snapshots));
  return end_what_is_under_way(client, snapshots, stack, run);
}

void prune_snapshots(const SearchClient& client, const std::string& stack, const std::vector<std::string>& kept,
                     RunContext& run) {
  const auto pruned = [&]() -> Result<> {
    TRY_ASSIGN(snapshots, list_snapshots(client, kSearchRepository, run));
    for (const OwnSnapshot& each : snapshots) {
      if (!each.ours || each.stack != stack || std::ranges::contains(kept, each.backup)) continue;
      if (each.backup.empty()) {
        run.reporter.note("snapshot " + each.name +
                          " has what a restore had replaced and couldn't bring back: delete it if nobody needs it");
        continue;
      }
      TRY(client.remove(snapshot_path(kSearchRepository, each.name), run));
      run.reporter.note("snapshot " + each.name + ", which no backup holds any more, was deleted");
    }
    return {};
  }();
  if (!pruned) run.reporter.note("delete old snapshots: " + pruned.error().message());
}

}  // namespace davit::sources
