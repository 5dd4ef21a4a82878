#include <algorithm>
#include <nlohmann/json.hpp>

#include "sources/contents_digest.hpp"
#include "sources/host_path.hpp"
#include "sources/place_restore.hpp"
#include "sources/recorded_volume.hpp"
#include "sources/restore_checks.hpp"
#include "sources/restore_entry.hpp"
#include "sources/volume_plan.hpp"

namespace davit::sources {
namespace {

using helper::Access;
using helper::Place;
using model::ItemKind;

Result<std::string> needed_attribute(const model::Item& item, std::string_view name) {
  const auto found = item.attributes.find(name);
  if (found == item.attributes.end() || found->second.empty())
    return fail(Errc::corrupt, "the manifest has no attribute \"" + std::string(name) + "\" of it");
  return found->second;
}

std::string digest_of(const model::Item& item) {
  return item.artefacts.empty() ? std::string() : model::attribute(item.artefacts.front().attributes, "digest");
}

Result<Place> place_of(const model::Item& item) {
  const bool volume = item.id.kind == ItemKind::volume;
  TRY_ASSIGN(source, needed_attribute(item, volume ? "volume" : "path"));
  return Place{volume ? Place::Kind::volume : Place::Kind::directory, source, false};
}

// Where a bind mount goes: below the project's directory of this restore, which may not be the one of the backup.
Result<std::string> bind_target(const model::Item& item, const Target& target) {
  if (!target.project_dir.starts_with('/'))
    return fail(Errc::usage, "neither the backup nor a container tells the project's directory");
  const std::string directory = normal_path(target.project_dir);
  std::string path = normal_path(item.id.name, directory);
  // The manifest is not to lead anywhere else.
  if (!path_below(path, directory)) return fail(Errc::corrupt, "it does not lie below the project's directory");
  return path;
}

// What the backup knows of a volume. Its options stand in the stack's artefact; without that, a volume that had some
// can't be made as it was.
Result<engine::VolumeInfo> recorded_volume(const model::Item& item, const Target& target) {
  TRY_ASSIGN(name, needed_attribute(item, "volume"));
  if (target.recorded != nullptr)
    if (const Volume* volume = target.recorded->find_volume(name)) return volume->info;
  if (item.attributes.contains("options"))
    return fail(Errc::failed, "volume " + name + " had options, and the backup's stack definition doesn't tell them",
                "make the volume as it was, and restore with --replace");
  engine::VolumeInfo volume;
  volume.name = name;
  TRY_ASSIGN(driver, needed_attribute(item, "driver"));
  volume.driver = driver;
  constexpr std::string_view kPrefix = "label.";
  for (const auto& [key, value] : item.attributes)
    if (key.starts_with(kPrefix)) volume.labels[key.substr(kPrefix.size())] = value;
  return volume;
}

Result<> refuse(const std::optional<Conflict>& conflict) {
  if (conflict) return fail(Errc::usage, conflict->what, conflict->remedy);
  return {};
}

class VolumeSource : public Source {
 public:
  VolumeSource(helper::Host& host, VolumeOptions options) : host_(host), options_(std::move(options)) {}

  Result<Plan> plan(const Stack& stack, const stream::Encoding& encoding, const Takes&, RunContext& run) override {
    Plan plan;
    excludes_.clear();
    digest_key_ = stack.digest_key;
    TRY_ASSIGN(running, running_containers(host_.engine(), run));
    add_volumes(plan, excludes_, stack, running, options_, encoding.codec);
    std::vector<BindCandidate> binds = bind_candidates(plan, stack, options_);
    const std::vector<std::string> disabled = disabled_binds(stack);
    if (binds.empty() && disabled.empty()) return plan;
    std::vector<std::string> paths = disabled;
    for (const BindCandidate& bind : binds)
      if (bind.path != ".") paths.push_back(bind.path);
    const Place project{Place::Kind::directory, normal_path(stack.project_dir), false};
    TRY_ASSIGN(seen, in_context(probe_place(host_, project, paths, run), "look at the project's directory"));
    add_disabled_files(plan, stack, disabled, seen);
    add_binds(plan, excludes_, std::move(binds), seen, running, encoding.codec);
    return plan;
  }

  Result<std::vector<Finding>> dump(model::Item& item, model::Artefact& artefact, const stream::Encoding& encoding,
                                    stream::ByteSink& stored, RunContext& run) override {
    TRY_ASSIGN(place, place_of(item));
    TRY_ASSIGN(session, helper::Session::open(host_, place, Access::read, run));
    const bool compared = item.id.kind == ItemKind::bind && !digest_key_.empty();
    CaptureSink capture(stored, compared ? kDigestLimit : 0);
    TRY_ASSIGN(packed, session.pack({encoding, {}, excludes_[item.id]}, capture));
    TRY(session.close());
    artefact.codec = encoding.codec;
    artefact.plain = packed.plain;
    artefact.stored = packed.stored;
    artefact.entries = packed.entries;
    if (compared) {
      TRY_ASSIGN(digests, digest_captured(capture, encoding, packed, digest_key_, {}));
      if (!digests.empty()) artefact.attributes["digest"] = digests.front();
    }
    return std::move(packed.findings);
  }

  Result<std::vector<Conflict>> check_restore(const model::Item& item, const Target& target, RunContext& run) override {
    TRY_ASSIGN(running, running_containers(host_.engine(), run));
    return item.id.kind == ItemKind::volume ? check_volume_item(item, target, running, run)
                                            : check_bind_item(item, target, running, run);
  }

  Result<> verify(const model::Item&, const model::Artefact& artefact, stream::ByteSource& stored, const Stack&,
                  RunContext& run) override {
    return verify_tar(artefact, stored, run);
  }

  Result<std::unique_ptr<Restoration>> restore(const model::Item& item, const Target& target,
                                               RunContext& run) override {
    if (item.id.kind == ItemKind::volume) {
      TRY_ASSIGN(recorded, recorded_volume(item, target));
      TRY_ASSIGN(made, make_volume(host_.engine(), recorded, [&]() -> Result<> {
                   if (target.journal == nullptr) return {};
                   return target.journal->record(volume_key(recorded.name),
                                                 to_json(VolumeEntry{run.run_id, recorded.name}));
                 }));
      if (!made) {
        TRY_ASSIGN(present, host_.engine().inspect_volume(recorded.name));
        TRY(refuse(check_backups("volume " + recorded.name, mountpoint_of(present), options_.skip_paths)));
      }
      PlaceTarget place{{Place::Kind::volume, recorded.name, false}, {}, made, !target.replace};
      place.journal = target.journal;
      place.check_again = [this, name = recorded.name, stack = target.stack](helper::Session&, RunContext& again) {
        return refuse_users("volume " + name, stack, again,
                            [&](const Running& running) { return users_of_volume(running, name, false); });
      };
      return restore_place(host_, place, run);
    }
    TRY_ASSIGN(path, bind_target(item, target));
    TRY(refuse(check_backups("directory " + path, path, options_.skip_paths)));
    TRY_ASSIGN(running, running_containers(host_.engine(), run));
    TRY_ASSIGN(check, look_at_bind(item, target, running, run));
    TRY(refuse_conflicts(check_place(check), target.replace));
    PlaceTarget place{{Place::Kind::directory, path, true}, {}, false, !target.replace && !check.same_contents};
    place.journal = target.journal;
    place.check_again = [this, path, stack = target.stack, project = normal_path(target.project_dir),
                         same = check.same_contents](helper::Session&, RunContext& again) {
      return refuse_users("directory " + path, stack, again,
                          [&](const Running& now) { return users_of_path(now, path, project, same); });
    };
    return restore_place(host_, place, run);
  }

 private:
  Result<std::vector<Conflict>> check_volume_item(const model::Item& item, const Target& target, const Running& running,
                                                  RunContext& run) {
    TRY_ASSIGN(recorded, recorded_volume(item, target));
    const auto present = host_.engine().inspect_volume(recorded.name);
    if (!present && present.error().code() == Errc::not_found) {
      PlaceCheck check;
      check.what = "volume " + recorded.name;
      check.seen.exists = false;
      check.needed_bytes = item.plain_bytes();
      TRY_ASSIGN(free, free_for(host_, recorded, run));
      check.free_around = free;
      return check_place(check);
    }
    if (!present) return std::unexpected(present.error());
    std::vector<Conflict> conflicts = check_volume(*present, &recorded);
    if (auto held = check_backups("volume " + recorded.name, mountpoint_of(*present), options_.skip_paths))
      conflicts.push_back(*std::move(held));
    PlaceCheck check;
    check.what = "volume " + recorded.name;
    check.users = users_of_volume(running, recorded.name, false);
    TRY_ASSIGN(seen, probe_place(host_, {Place::Kind::volume, recorded.name, false}, {}, run));
    check.seen = std::move(seen);
    check.needed_bytes = item.plain_bytes();
    check.stack = target.stack;
    const Volume* was = target.recorded != nullptr ? target.recorded->find_volume(recorded.name) : nullptr;
    if (was != nullptr) check.left_out = was->settings.exclude;
    std::ranges::move(check_place(check), std::back_inserter(conflicts));
    return conflicts;
  }

  Result<std::vector<Conflict>> check_bind_item(const model::Item& item, const Target& target, const Running& running,
                                                RunContext& run) {
    TRY_ASSIGN(path, bind_target(item, target));
    TRY_ASSIGN(check, look_at_bind(item, target, running, run));
    std::vector<Conflict> conflicts = check_place(check);
    if (auto held = check_backups(check.what, path, options_.skip_paths)) conflicts.push_back(*std::move(held));
    return conflicts;
  }

  Result<PlaceCheck> look_at_bind(const model::Item& item, const Target& target, const Running& running,
                                  RunContext& run) {
    TRY_ASSIGN(path, bind_target(item, target));
    PlaceCheck check;
    check.what = "directory " + path;
    check.needed_bytes = item.plain_bytes();
    check.stack = target.stack;
    for (const std::string& name : item.services)
      if (const Service* was = target.recorded != nullptr ? target.recorded->find_service(name) : nullptr)
        for (const std::string& pattern : was->settings.exclude)
          if (!std::ranges::contains(check.left_out, pattern)) check.left_out.push_back(pattern);
    TRY_ASSIGN(session, helper::Session::open(host_, {Place::Kind::directory, path, false}, Access::read, run));
    TRY_ASSIGN(seen, session.probe());
    check.seen = std::move(seen);
    if (check.seen.exists && !check.seen.empty) {
      TRY_ASSIGN(same, holds_the_same(session, item, target, check.seen));
      check.same_contents = same;
    }
    TRY(session.close());
    if (!check.seen.exists) {
      TRY_ASSIGN(free, free_around(host_, path, run));
      check.free_around = free;
    }
    // Where nothing changes, whoever only reads may go on.
    check.users = users_of_path(running, path, normal_path(target.project_dir), check.same_contents);
    return check;
  }

  template <class UsersOf>
  Result<> refuse_users(const std::string& what, const std::string& stack, const RunContext& run, UsersOf users_of) {
    TRY_ASSIGN(running, running_containers(host_.engine(), run));
    PlaceCheck check;
    check.what = what;
    check.seen.exists = false;
    check.users = users_of(running);
    check.stack = stack;
    return refuse_conflicts(check_place(check), false);
  }

  // After `docker compose down -v` a bind mount is still there, most often as it was.
  Result<bool> holds_the_same(helper::Session& session, const model::Item& item, const Target& target,
                              const helper::Probe& seen) {
    const std::string recorded = digest_of(item);
    if (recorded.empty() || target.recorded == nullptr || target.recorded->digest_key.empty()) return false;
    if (!seen.leftovers.empty() || seen.used_bytes > 4 * kDigestLimit) return false;
    TRY_ASSIGN(digests, digest_place(session, target.recorded->digest_key, {}));
    return !digests.empty() && digests.front() == recorded;
  }

  helper::Host& host_;
  VolumeOptions options_;
  // Of the stack that was planned last.
  Excludes excludes_;
  std::string digest_key_;
};

}  // namespace

std::unique_ptr<Source> make_volume_source(helper::Host& host, VolumeOptions options) {
  return std::make_unique<VolumeSource>(host, std::move(options));
}

}  // namespace davit::sources
