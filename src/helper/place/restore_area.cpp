// RestoreArea: what is journalled when, so that at every moment the way back is known.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "helper/place/directory_chain.hpp"
#include "helper/place/extract.hpp"
#include "helper/place/mounts.hpp"
#include "helper/place/open_area.hpp"
#include "helper/place/place.hpp"
#include "helper/place/walk.hpp"
#include "stream/read_ahead.hpp"
#include "stream/tar_reader.hpp"
#include "util/text.hpp"

namespace davit::helper {
namespace {

using State = RestoreJournal::State;

constexpr std::string_view kLedBack = "the old contents were put back before the restore was finished";

// Nothing that would be moved has anything mounted on it or below it.
Result<> refuse_mounts(int place, const std::vector<std::string>& paths) {
  TRY_ASSIGN(points, mount_points_below(place));
  for (const std::string& point : points) {
    bool touched = paths.empty();
    for (const std::string& path : paths) {
      TRY_ASSIGN(components, split_relative(path));
      const std::string clean = join_path(components);
      touched |= clean.empty() || point == clean || point.starts_with(clean + "/");
    }
    if (touched)
      return fail(Errc::failed,
                  "replace the contents: something is mounted at " + escape_for_display(point) + " inside",
                  "unmount it, or restore other paths");
  }
  return {};
}

Result<> refuse_other_areas(int place, const std::string& own) {
  const Listing listing = list_names(place);
  if (listing.error != 0) return fail_errno(listing.error, "list the place");
  for (const std::string& name : listing.names) {
    if (!name.starts_with(kAreaPrefix) || !status_at(place, name).value_or(Status{}).is_directory()) continue;
    if (name == own) return fail(Errc::exists, "a restore of this run is staged here already");
    return fail(Errc::failed, "a restore was cut off here: " + escape_for_display(name) + " holds what it replaced",
                "roll it back first: davit does so by itself once the run that made it is known to be dead");
  }
  return {};
}

struct Unpacked {
  std::uint64_t entries = 0;
  bool has_root = false;
};

Result<Unpacked> unpack(int fresh, stream::ByteSource& tar, const PathSelection& selection, Extractor::Options options,
                        const Progress& progress, FindingList& findings) {
  Meter meter(progress);
  stream::ReadAhead ahead(tar);
  stream::TarReader reader(ahead);
  Extractor extractor(fresh, selection, std::move(options), meter, findings);
  TRY(extractor.run(reader));
  // The directory that was unpacked into stands for the place: commit() takes over what it could hold.
  if (extractor.root()) TRY(apply_attributes(Target(fresh), *extractor.root(), false, "./", findings));
  return Unpacked{.entries = extractor.entries(), .has_root = extractor.root().has_value()};
}

Result<StageResult> stage_into(OpenArea& area, int place, stream::ByteSource& tar,
                               const std::vector<std::string>& paths, const Progress& progress, const StepHook& hook) {
  TRY_ASSIGN(selection, PathSelection::of(paths));
  TRY_ASSIGN(fresh, area.open_new());
  FindingList findings;
  const bool has_lost_and_found = status_at(place, std::string(kLostAndFound)).value_or(Status{}).is_directory();
  TRY_ASSIGN(unpacked, unpack(fresh.get(), tar, selection, {.keep_lost_and_found = has_lost_and_found, .hook = hook},
                              progress, findings));
  // One call for all of it: an fsync of each file would wait for the device as often as there are files.
  if (::syncfs(fresh.get()) != 0) return fail_errno(errno, "sync what was unpacked");
  RestoreJournal journal = *area.journal();
  journal.state = State::staged;
  journal.replace_root = unpacked.has_root && paths.empty();
  journal.paths = paths;
  TRY(area.write(std::move(journal)));
  std::vector<std::string> missing;
  TRY_ASSIGN(units, area.find_units(&missing));
  for (const std::string& path : missing) findings.add(path, "not in the archive, left as it is");
  return StageResult{.entries = unpacked.entries, .findings = findings.take()};
}

}  // namespace

Result<> remove_empty(int directory, const std::string& path) {
  TRY_ASSIGN(components, split_relative(path));
  if (components.empty()) return fail(Errc::usage, "the place itself is no directory of it");
  DirectoryChain chain(directory);
  const Sys<> there = chain.go_to({components.begin(), components.end() - 1});
  if (!there && there.error() == ENOENT) return {};
  if (!there) return fail_errno(there.error(), "look for " + escape_for_display(path));
  const Sys<int> parent = chain.fd();
  if (!parent) return fail_errno(parent.error(), "look for " + escape_for_display(path));
  if (::unlinkat(*parent, components.back().c_str(), AT_REMOVEDIR) == 0) return {};
  if (errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR || errno == EBUSY) return {};
  return fail_errno(errno, "remove directory " + escape_for_display(path));
}

RestoreArea::RestoreArea(int directory, std::string run_id, StepHook hook)
    : directory_(directory),
      run_id_(std::move(run_id)),
      name_(std::string(kAreaPrefix) + run_id_),
      hook_(std::move(hook)) {}

Result<StageResult> RestoreArea::stage(stream::ByteSource& tar, const std::vector<std::string>& paths,
                                       const Progress& progress) {
  std::vector<std::string> wanted = paths;
  for (const std::string& path : paths) {
    TRY_ASSIGN(components, split_relative(path));
    if (components.empty()) wanted.clear();  // the place itself: everything
    if (components.empty()) break;
    if (components.front() == name_) return fail(Errc::usage, "path " + path + ": belongs to the restore itself");
  }
  TRY(refuse_other_areas(directory_, name_));
  TRY(refuse_mounts(directory_, wanted));
  const Sys<Status> before = status_of(directory_);
  if (!before) return fail_errno(before.error(), "look at the place");
  const auto create_and_stage = [&]() -> Result<StageResult> {
    TRY_ASSIGN(area, OpenArea::create(directory_, name_, hook_));
    return stage_into(area, directory_, tar, wanted, progress, hook_);
  };
  Result<StageResult> staged = create_and_stage();
  if (staged) return staged;
  if (const Result<> undone = rollback(); !undone)
    return std::unexpected(
        std::move(staged).error().hint_if_none("part of it is left in " + name_ + ": " + undone.error().message()));
  // What failed may have been the journal that would have told rollback() the time.
  if (const Sys<> set = set_mtime(directory_, before->mtime_ns); !set)
    return std::unexpected(std::move(staged).error().hint_if_none("the place's own time was not put back"));
  return staged;
}

Result<> RestoreArea::commit() {
  TRY_ASSIGN(area, OpenArea::open(directory_, name_, hook_));
  if (!area || !area->journal() || area->journal()->state != State::staged)
    return fail(Errc::bug, "commit a restore that is not staged");
  RestoreJournal journal = *area->journal();
  TRY(refuse_mounts(directory_, journal.paths));
  TRY_ASSIGN(fresh, area->open_new());
  // Before anything is moved out of it, which would change its time.
  const Sys<Attributes> root = read_attributes(fresh.get());
  if (!root) return fail_errno(root.error(), "look at what was unpacked");
  TRY_ASSIGN(units, area->find_units(nullptr));
  TRY_ASSIGN(parents, area->prepare_parents(units));
  journal.units = std::move(units);
  journal.parents = std::move(parents);
  journal.state = State::committing;
  TRY(area->write(journal));
  TRY(area->swap_in());
  if (journal.replace_root) TRY(area->set_root(*root));
  TRY(area->sync_units());
  journal.state = State::committed;
  return area->write(std::move(journal));
}

Result<> RestoreArea::rollback() {
  TRY_ASSIGN(area, OpenArea::open(directory_, name_, hook_));
  if (!area) return {};
  if (area->journal()) {
    const RestoreJournal& journal = *area->journal();
    if (journal.state == State::committing || journal.state == State::committed) {
      TRY(area->swap_out());
      TRY(area->sync_units());
    }
    TRY(before(hook_, "set the time of the place"));
    if (journal.replace_root) {
      TRY(area->set_root(journal.root));
    } else if (const Sys<> set = set_mtime(directory_, journal.root.mtime_ns); !set) {
      return fail_errno(set.error(), "set the time of the place");
    }
    TRY(area->close());
  }
  return area->remove();
}

Result<> RestoreArea::check_committed() const {
  TRY_ASSIGN(area, OpenArea::open(directory_, name_, hook_));
  if (!area) return fail(Errc::failed, std::string(kLedBack));
  if (!area->closed() && (!area->journal() || area->journal()->state != State::committed))
    return fail(Errc::bug, "hold a restore that is not committed");
  return {};
}

Result<> RestoreArea::seal() {
  TRY_ASSIGN(area, OpenArea::open(directory_, name_, hook_));
  if (!area) return fail(Errc::failed, std::string(kLedBack));
  if (area->closed()) return {};
  if (!area->journal() || area->journal()->state != State::committed)
    return fail(Errc::bug, "finish a restore that is not committed");
  return area->close();
}

Result<> RestoreArea::cleanup() {
  TRY(seal());
  TRY_ASSIGN(area, OpenArea::open(directory_, name_, hook_));
  if (!area) return {};
  return area->remove();
}

}  // namespace davit::helper
