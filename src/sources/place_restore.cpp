#include "sources/place_restore.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>

#include "sources/host_path.hpp"
#include "sources/restore_entry.hpp"
#include "stream/tar_reader.hpp"
#include "util/log.hpp"

namespace davit::sources {
namespace {

using helper::Access;
using helper::Place;
using helper::Session;

// The helper of a restore stands as long as its run, and those of dead runs were swept when this one began. One that
// has ended and is still there will be replaced by its run.
Result<> refuse_live_run(engine::Engine& engine, const Place& place, const std::string& id) {
  TRY_ASSIGN(helpers,
             engine.list_containers({.all = false, .labels = {"davit.run=" + id, "davit.role=helper"}, .names = {}}));
  if (helpers.empty()) return {};
  return fail(Errc::locked, place.text() + " is being restored by run " + id + " (container " + helpers[0].name + ")",
              "wait until that has ended; if that davit is known to be dead, stop the container");
}

Result<> refuse_data(const helper::Probe& seen, const Place& place) {
  if (seen.empty && seen.leftovers.empty()) return {};
  return fail(Errc::exists, place.text() + " holds data that has come since the restore was planned",
              "see what has put it there, or pass --replace to replace it");
}

Result<> recover_leftovers(helper::Host& host, Session& session, const PlaceTarget& target, RunContext& run) {
  TRY_ASSIGN(seen, session.probe());
  for (const std::string& id : seen.leftovers) {
    if (id == run.run_id)
      return fail(Errc::bug, target.place.text() + ": two items of this restore are in the same directory");
    TRY(refuse_live_run(host.engine(), target.place, id));
  }
  if (target.must_be_empty) TRY(refuse_data(seen, target.place));
  for (const std::string& dead : seen.leftovers) {
    run.reporter.note("putting back what restore " + dead + " left in " + target.place.text());
    TRY(session.recover(dead));
  }
  return {};
}

// Directories that were made, the deepest last. The helper of each removes it at its end, unless something has come
// into it.
using Above = std::vector<Session>;

Result<> end_all(Above& above) {
  Result<> result;
  for (; !above.empty(); above.pop_back())
    if (auto closed = above.back().close(); !closed && result) result = std::move(closed);
  return result;
}

// It is as it was, or as it is to be: nothing is left to be put right.
void forget(const PlaceTarget& target, RunContext& run) {
  strike(target.journal, place_key(target.place), run);
  if (target.made) strike(target.journal, volume_key(target.place.source), run);
}

class PlaceRestoration : public Restoration {
 public:
  PlaceRestoration(helper::Host& host, PlaceTarget target, Above above, Session session)
      : host_(host), target_(std::move(target)), above_(std::move(above)), session_(std::move(session)) {}
  ~PlaceRestoration() override {
    session_.reset();
    if (auto ended = end_all(above_); !ended) log_warning(ended.error().message());
  }
  PlaceRestoration(PlaceRestoration&&) = delete;

  Result<std::vector<Finding>> stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                     RunContext& run) override {
    TRY(run.check());
    TRY_ASSIGN(staged, session_->stage({artefact.codec, artefact.plain, artefact.stored, target_.paths}, stored));
    return std::move(staged.findings);
  }

  Result<> commit(RunContext& run) override {
    if (target_.must_be_empty) {
      TRY_ASSIGN(seen, session_->probe());
      std::erase(seen.leftovers, run.run_id);  // what this run has staged
      TRY(refuse_data(seen, target_.place));
    }
    if (target_.check_again) TRY(target_.check_again(*session_, run));
    return session_->commit();
  }

  Result<> hold(RunContext&) override { return session_->hold(); }

  Result<> seal(RunContext&) override { return session_->seal(); }

  Result<> finish(RunContext& run) override {
    auto cleaned = in_context(session_->cleanup(), "in .davit-restore-" + run.run_id);
    // A container that stays is worth a word, and the next run removes it: the restore itself is done.
    if (auto closed = session_->close(); !closed) run.reporter.warning(closed.error().message());
    session_.reset();
    if (auto ended = end_all(above_); !ended) run.reporter.warning(ended.error().message());
    if (cleaned) forget(target_, run);
    return cleaned;
  }

  Result<> rollback(RunContext& run) override {
    auto undone = session_ ? session_->rollback() : Result<>();
    if (undone && session_) undone = session_->close();
    session_.reset();
    if (auto ended = end_all(above_); !ended && undone) undone = std::move(ended);
    if (target_.made) {
      auto removed = host_.engine().remove_volume(target_.place.source);
      if (removed || removed.error().code() != Errc::not_found) undone = std::move(removed);
    }
    if (undone) forget(target_, run);
    return undone;
  }

  void leave() override {
    if (auto closed = session_ ? session_->close() : Result<>(); !closed) log_warning(closed.error().message());
    session_.reset();
  }

 private:
  helper::Host& host_;
  PlaceTarget target_;
  Above above_;
  std::optional<Session> session_;
};

Result<std::unique_ptr<Restoration>> open_restoration(helper::Host& host, const PlaceTarget& target, Above& above,
                                                      RunContext& run) {
  PlaceEntry entry{run.run_id, {target.place.kind, target.place.source, false}, target.made, {}};
  if (target.place.create) {
    TRY_ASSIGN(missing, missing_directories(host, target.place.source, run));
    entry.directories = std::move(missing);
  }
  if (target.journal != nullptr) TRY(target.journal->record(place_key(target.place), to_json(entry)));
  // A helper makes one directory in one that is there, and holds it. That of the place itself makes the last one.
  for (const std::string& path : entry.directories | std::views::reverse) {
    if (path == target.place.source) break;
    TRY_ASSIGN(maker, Session::open(host, {Place::Kind::directory, path, true}, Access::write, run));
    above.push_back(std::move(maker));
  }
  TRY_ASSIGN(session, Session::open(host, target.place, Access::write, run));
  TRY(recover_leftovers(host, session, target, run));
  return std::make_unique<PlaceRestoration>(host, target, std::move(above), std::move(session));
}

// Not so where davit was executed in a service's container, or keeps a server in it (`davit entrypoint`).
bool runs_only_davit(const engine::ContainerInfo& container) {
  const auto raw = nlohmann::json::parse(container.raw, nullptr, false);
  if (!raw.is_object() || !raw.contains("Path") || !raw["Path"].is_string()) return false;
  const auto path = raw["Path"].get<std::string>();
  if (path.substr(path.rfind('/') + 1) != "davit") return false;
  const auto args = raw.find("Args");
  return args == raw.end() || !args->is_array() || !std::ranges::contains(*args, nlohmann::json("entrypoint"));
}

}  // namespace

Result<std::unique_ptr<Restoration>> restore_place(helper::Host& host, const PlaceTarget& target, RunContext& run) {
  Above above;
  auto restoration = open_restoration(host, target, above, run);
  if (!restoration)
    if (auto ended = end_all(above); !ended) run.reporter.warning(ended.error().message());
  if (restoration) return restoration;
  if (target.made) {
    if (const auto removed = host.engine().remove_volume(target.place.source); !removed) {
      run.reporter.warning("volume " + target.place.source +
                           " was made and could not be removed: " + removed.error().message());
      return restoration;
    }
  }
  forget(target, run);
  return restoration;
}

Result<helper::Probe> probe_place(helper::Host& host, const Place& place, const std::vector<std::string>& paths,
                                  RunContext& run) {
  TRY_ASSIGN(session, Session::open(host, place, Access::read, run));
  TRY_ASSIGN(seen, session.probe(paths));
  TRY(session.close());
  return seen;
}

Result<std::vector<std::string>> missing_directories(helper::Host& host, const std::string& path, RunContext& run) {
  std::vector<std::string> missing;
  for (std::string at = path; at != "/"; at = parent_of(at)) {
    const Place place{Place::Kind::directory, parent_of(at), false};
    TRY_ASSIGN(seen, probe_place(host, place, {last_part(at)}, run));
    if (!seen.present.empty()) break;
    missing.push_back(at);
    if (seen.exists) break;
  }
  return missing;
}

Result<helper::Probe> glance_at_place(helper::Host& host, const Place& place, RunContext& run) {
  // Whoever is asked for certain paths counts nothing else.
  return probe_place(host, place, {".davit-nothing"}, run);
}

Result<> remove_empty_directory(helper::Host& host, const std::string& path, RunContext& run) {
  const Place above{Place::Kind::directory, parent_of(path), false};
  const std::string name = last_part(path);
  TRY_ASSIGN(seen, probe_place(host, above, {name}, run));
  if (!seen.exists || seen.present.empty()) return {};
  TRY_ASSIGN(session, Session::open(host, above, Access::write, run));
  TRY(session.remove_empty({name}));
  return session.close();
}

Result<std::optional<std::uint64_t>> free_around(helper::Host& host, const std::string& path, RunContext& run) {
  for (std::string at = path; at != "/";) {
    at = parent_of(at);
    TRY_ASSIGN(seen, glance_at_place(host, {Place::Kind::directory, at, false}, run));
    if (seen.exists) return seen.free_bytes;
  }
  return std::nullopt;
}

Result<std::optional<std::uint64_t>> free_for(helper::Host& host, const engine::VolumeInfo& missing, RunContext& run) {
  const auto plain = [](const engine::VolumeInfo& volume) {
    // One of a helper goes at any moment.
    return volume.driver == "local" && volume.options.empty() && !volume.labels.contains("davit.role");
  };
  if (!plain(missing)) return std::nullopt;
  TRY_ASSIGN(volumes, host.engine().list_volumes({}));
  const auto other = std::ranges::find_if(volumes, plain);
  if (other == volumes.end()) return std::nullopt;
  auto seen = glance_at_place(host, {Place::Kind::volume, other->name, false}, run);
  // It may have been removed meanwhile: then nothing is known, which keeps nobody from restoring.
  if (!seen && seen.error().code() == Errc::not_found) return std::nullopt;
  if (!seen) return std::unexpected(std::move(seen).error());
  return seen->free_bytes;
}

Result<> refuse_conflicts(const std::vector<Conflict>& conflicts, bool replace) {
  std::string what;
  std::string hint;
  for (const Conflict& conflict : conflicts) {
    if (conflict.replaceable && replace) continue;
    what += (what.empty() ? "" : "; ") + conflict.what;
    if (!hint.contains(conflict.remedy)) hint += (hint.empty() ? "" : "; ") + conflict.remedy;
  }
  if (what.empty()) return {};
  return fail(Errc::exists, std::move(what), std::move(hint));
}

std::string own_container(const RunContext& run) {
  constexpr std::string_view kContainer = "container/";
  return run.owner.starts_with(kContainer) ? run.owner.substr(kContainer.size()) : std::string();
}

Result<std::vector<engine::ContainerInfo>> running_containers(engine::Engine& engine, const RunContext& run) {
  TRY_ASSIGN(listed, engine.list_containers({.all = false, .labels = {}, .names = {}}));
  std::vector<engine::ContainerInfo> running;
  for (const engine::ContainerSummary& summary : listed) {
    if (const auto role = summary.labels.find("davit.role"); role != summary.labels.end() && role->second == "helper")
      continue;
    auto info = engine.inspect_container(summary.id);
    if (!info && info.error().code() != Errc::not_found) return std::unexpected(std::move(info).error());
    if (info && (info->id.value != own_container(run) || !runs_only_davit(*info))) running.push_back(*std::move(info));
  }
  return running;
}

Result<> verify_tar(const model::Artefact& artefact, stream::ByteSource& stored, RunContext& run) {
  stream::Decoder decoder(artefact.codec, stored, artefact.plain, artefact.stored);
  stream::TarReader reader(decoder);
  std::uint64_t entries = 0;
  while (true) {
    TRY(run.check());
    TRY_ASSIGN(entry, reader.next());
    if (!entry) break;
    ++entries;
  }
  if (entries != artefact.entries)
    return fail(Errc::corrupt, artefact.path + " has " + std::to_string(entries) + " members, and the manifest says " +
                                   std::to_string(artefact.entries));
  return {};
}

}  // namespace davit::sources
