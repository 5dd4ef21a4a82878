#include <algorithm>
#include <map>
#include <ranges>

#include "sources/compose_scan.hpp"
#include "sources/contents_digest.hpp"
#include "sources/file_links.hpp"
#include "sources/files_plan.hpp"
#include "sources/host_path.hpp"
#include "sources/place_restore.hpp"
#include "sources/restore_checks.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using helper::Access;
using helper::Place;

constexpr int kLinkRounds = 16;  // how long a chain of links is followed

std::vector<std::string> paths_of(const std::vector<RecordedFile>& files) {
  return files | std::views::transform(&RecordedFile::path) | std::ranges::to<std::vector>();
}

Result<const model::Artefact*> artefact_of(const model::Item& item) {
  if (item.artefacts.size() != 1) return fail(Errc::corrupt, "the manifest has not one artefact of it");
  return &item.artefacts.front();
}

Result<std::string> directory_of(const model::Item& item) {
  const auto found = item.attributes.find("path");
  if (found == item.attributes.end() || !found->second.starts_with('/'))
    return fail(Errc::corrupt, "the manifest does not tell the directory of the files");
  return normal_path(found->second);
}

// The project's files go to the project's directory of this restore; others where they were.
Result<std::string> target_directory(const model::Item& item, const Target& target) {
  if (item.id.name == "project" && target.project_dir.starts_with('/')) return normal_path(target.project_dir);
  return directory_of(item);
}

// A file may change under a service that reads it; one that a service writes is data in use.
std::vector<Conflict> written_files(const std::string& directory, const std::vector<std::string>& paths,
                                    const Running& running, const std::string& stack) {
  std::vector<Conflict> conflicts;
  for (const std::string& path : paths) {
    PlaceCheck check;
    check.what = normal_path(path, directory);
    check.users = users_of_path(running, check.what, directory, true);
    check.stack = stack;
    check.seen.exists = false;
    std::ranges::move(check_place(check), std::back_inserter(conflicts));
  }
  return conflicts;
}

class FilesSource : public Source {
 public:
  FilesSource(helper::Host& host, FilesOptions options) : host_(host), options_(std::move(options)) {}

  Result<Plan> plan(const Stack& stack, const stream::Encoding& encoding, const Takes&, RunContext& run) override {
    digest_key_ = stack.digest_key;
    Plan plan;
    TRY_ASSIGN(named, named_files(stack, run));
    for (const std::string& path : named.unresolved)
      plan.not_covered.push_back(
          {"files:project", escape_for_display(path) +
                                ", which a compose file names by a variable; name it in the label "
                                "davit.files, or by --files"});
    TRY_ASSIGN(groups, group_files(stack, options_, named.paths));
    if (stack.project_dir.empty())
      plan.not_covered.push_back({"files:project", "no container tells the project's directory"});
    Plan ignored;  // what isn't covered of the binds is the volume source's to say
    const std::vector<BindCandidate> binds = bind_candidates(ignored, stack, {options_.skip_paths});
    if (!binds.empty()) {
      const auto paths = binds | std::views::transform(&BindCandidate::path) | std::ranges::to<std::vector>();
      const Place project{Place::Kind::directory, normal_path(stack.project_dir), false};
      TRY_ASSIGN(seen, probe_place(host_, project, paths, run));
      sort_out_binds(groups, plan, binds, seen);
    }
    for (std::size_t i = 0; i < groups.size(); ++i) {
      TRY_ASSIGN(seen, look_at(groups, i, plan, binds, run));
      TRY(add_group(plan, groups[i], seen, stack, encoding.codec));
    }
    return plan;
  }

  Result<std::vector<Finding>> dump(model::Item& item, model::Artefact& artefact, const stream::Encoding& encoding,
                                    stream::ByteSink& stored, RunContext& run) override {
    TRY_ASSIGN(directory, directory_of(item));
    TRY_ASSIGN(files, recorded_files(artefact));
    TRY_ASSIGN(session, helper::Session::open(host_, {Place::Kind::directory, directory, false}, Access::read, run));
    CaptureSink capture(stored, digest_key_.empty() ? 0 : kDigestLimit);
    TRY_ASSIGN(packed, session.pack({encoding, paths_of(files), excluded_in(directory)}, capture));
    TRY(session.close());
    artefact.codec = encoding.codec;
    artefact.plain = packed.plain;
    artefact.stored = packed.stored;
    artefact.entries = packed.entries;
    TRY_ASSIGN(digests, digest_captured(capture, encoding, packed, digest_key_, paths_of(files)));
    for (std::size_t i = 0; i < digests.size(); ++i) files[i].digest = digests[i];
    if (!digest_key_.empty()) record_files(artefact, files);
    return std::move(packed.findings);
  }

  Result<std::vector<Conflict>> check_restore(const model::Item& item, const Target& target, RunContext& run) override {
    TRY_ASSIGN(directory, target_directory(item, target));
    TRY_ASSIGN(artefact, artefact_of(item));
    TRY_ASSIGN(files, recorded_files(*artefact));
    const std::vector<std::string> paths = paths_of(files);
    TRY_ASSIGN(session, helper::Session::open(host_, {Place::Kind::directory, directory, false}, Access::read, run));
    TRY_ASSIGN(seen, session.probe(paths));
    PlaceCheck space;
    space.what = "directory " + directory;
    space.seen.exists = seen.exists;
    space.seen.free_bytes = seen.free_bytes;
    if (!seen.exists) {
      TRY_ASSIGN(free, free_around(host_, directory, run));
      space.free_around = free;
    }
    space.needed_bytes = artefact->plain.bytes;
    std::vector<Conflict> conflicts = check_place(space);
    TRY_ASSIGN(held, check_present(session, directory, files, seen, target, run));
    TRY(session.close());
    std::ranges::move(held, std::back_inserter(conflicts));
    return conflicts;
  }

  // What is there already of the files.
  Result<std::vector<Conflict>> check_present(helper::Session& session, const std::string& directory,
                                              const std::vector<RecordedFile>& files, const helper::Probe& seen,
                                              const Target& target, RunContext& run) {
    std::vector<Conflict> conflicts;
    const std::vector<std::string> paths = paths_of(files);
    std::vector<std::string> digests;
    const bool comparable =
        target.recorded != nullptr && !target.recorded->digest_key.empty() && seen.used_bytes <= 4 * kDigestLimit;
    if (!seen.present.empty() && comparable) {
      TRY_ASSIGN(found, digest_place(session, target.recorded->digest_key, paths));
      digests = std::move(found);
    }
    for (const std::string& path : seen.present)
      if (auto held = check_backups(normal_path(path, directory), normal_path(path, directory), options_.skip_paths))
        conflicts.push_back(*std::move(held));
    if (!seen.present.empty()) {
      TRY_ASSIGN(running, running_containers(host_.engine(), run));
      std::ranges::move(written_files(directory, seen.present, running, target.stack), std::back_inserter(conflicts));
    }
    std::vector<FileCheck> checks;
    checks.reserve(files.size());
    for (std::size_t i = 0; i < files.size(); ++i)
      checks.push_back({files[i].path, seen.exists && std::ranges::contains(seen.present, files[i].path),
                        files[i].digest, digests.empty() ? std::string() : digests[i]});
    std::ranges::move(check_files(directory, checks), std::back_inserter(conflicts));
    return conflicts;
  }

  Result<> verify(const model::Item&, const model::Artefact& artefact, stream::ByteSource& stored, const Stack&,
                  RunContext& run) override {
    return verify_tar(artefact, stored, run);
  }

  Result<std::unique_ptr<Restoration>> restore(const model::Item& item, const Target& target,
                                               RunContext& run) override {
    TRY_ASSIGN(directory, target_directory(item, target));
    TRY_ASSIGN(artefact, artefact_of(item));
    TRY_ASSIGN(files, recorded_files(*artefact));
    for (const RecordedFile& file : files) {
      const std::string path = normal_path(file.path, directory);
      if (const auto held = check_backups(path, path, options_.skip_paths))
        return fail(Errc::usage, held->what, held->remedy);
    }
    PlaceTarget place{{Place::Kind::directory, directory, true}, paths_of(files), false};
    place.journal = target.journal;
    place.check_again = [this, directory, files, target](helper::Session& session, RunContext& again) -> Result<> {
      TRY_ASSIGN(seen, session.probe(paths_of(files)));
      TRY_ASSIGN(conflicts, check_present(session, directory, files, seen, target, again));
      return refuse_conflicts(conflicts, target.replace);
    };
    return restore_place(host_, place, run);
  }

 private:
  // What the compose files name. Only they tell of env files: in the containers there are just the variables.
  Result<NamedFiles> named_files(const Stack& stack, RunContext& run) {
    std::string all;
    std::vector<std::string> files = stack.config_files;
    for (int round = 0; round < kLinkRounds && !files.empty(); ++round) {
      std::map<std::string, std::vector<std::string>> by_directory;
      for (const std::string& path : files)
        by_directory[parent_of(normal_path(path))].push_back(last_part(normal_path(path)));
      files.clear();
      for (const auto& [directory, paths] : by_directory) {
        const Place place{Place::Kind::directory, directory, false};
        TRY_ASSIGN(session, helper::Session::open(host_, place, Access::read, run));
        TRY_ASSIGN(seen, session.probe(paths));
        if (!seen.present.empty() && seen.used_bytes <= kDigestLimit) {
          TRY_ASSIGN(text, read_files(session, seen.present));
          all += text;
        }
        TRY_ASSIGN(targets, link_targets(session, directory, seen.links));
        for (const auto& [path, target] : targets) files.push_back(target);
        TRY(session.close());
      }
    }
    return scan_compose(all);
  }

  // Probes a group, and asks for what its links lead to until there is nothing new.
  Result<helper::Probe> look_at(std::vector<FileGroup>& groups, std::size_t which, Plan& plan,
                                const std::vector<BindCandidate>& binds, RunContext& run) {
    const std::string directory = groups[which].directory;
    TRY_ASSIGN(session, helper::Session::open(host_, {Place::Kind::directory, directory, false}, Access::read, run));
    for (int round = 0;; ++round) {
      TRY_ASSIGN(seen, session.probe(groups[which].paths()));
      TRY_ASSIGN(targets, link_targets(session, directory, seen.links));
      if (round < kLinkRounds && add_link_targets(groups, which, seen, targets, binds)) continue;
      TRY(report_links(plan, groups, which, seen, targets, binds));
      TRY(session.close());
      return seen;
    }
  }

  std::vector<std::string> excluded_in(const std::string& directory) const {
    std::vector<std::string> excluded;
    for (const std::string& path : options_.skip_paths)
      if (const auto inside = path_below(normal_path(path), directory); inside && *inside != ".")
        excluded.push_back(*inside);
    return excluded;
  }

  helper::Host& host_;
  FilesOptions options_;
  std::string digest_key_;  // of the stack that was planned last
};

}  // namespace

std::unique_ptr<Source> make_files_source(helper::Host& host, FilesOptions options) {
  return std::make_unique<FilesSource>(host, std::move(options));
}

}  // namespace davit::sources
