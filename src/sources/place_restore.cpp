#include "sources/place_restore.hpp"

#include <algorithm>
#include <optional>

#include "sources/host_path.hpp"
#include "stream/tar_reader.hpp"

namespace davit::sources {
namespace {

using helper::Access;
using helper::Place;
using helper::Session;

Result<> recover_leftovers(Session& session, const Place& place, RunContext& run) {
  TRY_ASSIGN(seen, session.probe());
  for (const std::string& dead : seen.leftovers) {
    if (dead == run.run_id)
      return fail(Errc::bug, place.text() + ": two items of this restore are in the same directory");
    run.reporter.note("putting back what restore " + dead + " left in " + place.text());
    TRY(session.recover(dead));
  }
  return {};
}

class PlaceRestoration : public Restoration {
 public:
  PlaceRestoration(helper::Host& host, PlaceTarget target, Session session)
      : host_(host), target_(std::move(target)), session_(std::move(session)) {}

  Result<std::vector<Finding>> stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                     RunContext& run) override {
    TRY(run.check());
    TRY_ASSIGN(staged, session_->stage({artefact.codec, artefact.plain, artefact.stored, target_.paths}, stored));
    return std::move(staged.findings);
  }

  Result<> commit(RunContext&) override { return session_->commit(); }

  Result<bool> seal(RunContext&) override {
    TRY(session_->seal());
    return true;
  }

  Result<> finish(RunContext& run) override {
    auto cleaned = in_context(session_->cleanup(), "in .davit-restore-" + run.run_id);
    // A container that stays is worth a word, and the next run removes it: the restore itself is done.
    if (auto closed = session_->close(); !closed) run.reporter.note(closed.error().message());
    session_.reset();
    return cleaned;
  }

  Result<> rollback(RunContext&) override {
    auto undone = session_ ? session_->rollback() : Result<>();
    if (undone && session_) undone = session_->close();
    session_.reset();
    if (!target_.made) return undone;
    return host_.engine().remove_volume(target_.place.source);
  }

 private:
  helper::Host& host_;
  PlaceTarget target_;
  std::optional<Session> session_;
};

// A helper makes one directory in one that is there.
Result<> make_directories(helper::Host& host, const std::string& path, RunContext& run) {
  const Place place{Place::Kind::directory, path, false};
  TRY_ASSIGN(seen, probe_place(host, place, {}, run));
  if (seen.exists) return {};
  if (path == "/") return fail(Errc::not_found, "there is no root directory on the Engine's host");
  TRY(make_directories(host, parent_of(path), run));
  TRY_ASSIGN(session, Session::open(host, {Place::Kind::directory, path, true}, Access::write, run));
  return session.close();
}

Result<std::unique_ptr<Restoration>> open_restoration(helper::Host& host, const PlaceTarget& target, RunContext& run) {
  if (target.place.create) TRY(make_directories(host, parent_of(target.place.source), run));
  TRY_ASSIGN(session, Session::open(host, target.place, Access::write, run));
  TRY(recover_leftovers(session, target.place, run));
  return std::make_unique<PlaceRestoration>(host, target, std::move(session));
}

}  // namespace

Result<std::unique_ptr<Restoration>> restore_place(helper::Host& host, const PlaceTarget& target, RunContext& run) {
  auto restoration = open_restoration(host, target, run);
  if (!restoration && target.made) {
    if (const auto removed = host.engine().remove_volume(target.place.source); !removed)
      run.reporter.note("volume " + target.place.source +
                        " was made and could not be removed: " + removed.error().message());
  }
  return restoration;
}

Result<helper::Probe> probe_place(helper::Host& host, const Place& place, const std::vector<std::string>& paths,
                                  RunContext& run) {
  TRY_ASSIGN(session, Session::open(host, place, Access::read, run));
  TRY_ASSIGN(seen, session.probe(paths));
  TRY(session.close());
  return seen;
}

Result<std::vector<engine::ContainerInfo>> running_containers(engine::Engine& engine) {
  TRY_ASSIGN(listed, engine.list_containers({.all = false, .labels = {}, .names = {}}));
  std::vector<engine::ContainerInfo> running;
  for (const engine::ContainerSummary& summary : listed) {
    if (const auto role = summary.labels.find("davit.role"); role != summary.labels.end() && role->second == "helper")
      continue;
    auto info = engine.inspect_container(summary.id);
    if (info)
      running.push_back(*std::move(info));
    else if (info.error().code() != Errc::not_found)
      return std::unexpected(std::move(info).error());
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
