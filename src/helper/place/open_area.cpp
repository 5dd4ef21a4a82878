#include "helper/place/open_area.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>
#include <thread>

#include "helper/place/directory_chain.hpp"
#include "helper/place/remove_tree.hpp"
#include "helper/place/walk.hpp"
#include "util/text.hpp"

namespace davit::helper {
namespace {

using Path = std::vector<std::string>;

// Removing what was unpacked may take as long: it may be a million files.
constexpr auto kLockPatience = std::chrono::minutes(10);
constexpr auto kLockPoll = std::chrono::milliseconds(50);

Path parent_of(const Path& path) { return {path.begin(), path.end() - 1}; }
std::string shown(const Path& path) { return escape_for_display(join_path(path)); }

// The directory that holds the last name of `path`.
Result<int> open_parent(DirectoryChain& chain, const Path& path) {
  if (const Sys<> there = chain.go_to(parent_of(path)); !there)
    return fail_errno(there.error(), "open the directory of " + shown(path));
  const Sys<int> fd = chain.fd();
  if (!fd) return fail_errno(fd.error(), "open the directory of " + shown(path));
  return *fd;
}

Result<bool> exists(int directory, const std::string& name) {
  const Sys<Status> status = status_at(directory, name);
  if (status) return true;
  if (status.error() == ENOENT || status.error() == ENOTDIR) return false;
  return fail_errno(status.error(), "look at " + escape_for_display(name));
}

Result<bool> exists_below(DirectoryChain& chain, const Path& path) {
  const Sys<> there = chain.go_to(parent_of(path));
  if (!there && (there.error() == ENOENT || there.error() == ENOTDIR || there.error() == ELOOP)) return false;
  if (!there) return fail_errno(there.error(), "look for " + shown(path));
  TRY_ASSIGN(parent, open_parent(chain, path));
  return exists(parent, path.back());
}

Result<UniqueFd> open_directory(int directory, const std::string& name) {
  Sys<UniqueFd> fd = open_directory_at(directory, name);
  if (!fd) return fail_errno(fd.error(), "open " + escape_for_display(name));
  return std::move(*fd);
}

// The topmost part of `path` that the place lacks, or all of it: what is above it stays.
Result<Path> unit_of(DirectoryChain& place, const Path& path) {
  for (std::size_t length = 1; length < path.size(); ++length) {
    Path part(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(length));
    TRY_ASSIGN(parent, open_parent(place, part));
    const Sys<Status> status = status_at(parent, part.back());
    if (!status && status.error() == ENOENT) return part;
    if (!status) return fail_errno(status.error(), "look at " + shown(part));
    if (!status->is_directory())
      return fail(Errc::exists, "restore " + shown(path) + ": " + shown(part) + " is no directory in the place",
                  "move it away, or restore " + shown(part) + " as a whole");
  }
  return path;
}

// Two helpers that move the same names, each by what it has seen before the other's move, would lose contents. The lock
// ends with the descriptor, and so with the process. A file system that knows no locks has none.
Result<> lock(int area, const std::string& name) {
  const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
  while (::flock(area, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return {};
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(Errc::locked, "another helper is at work in the restore's area " + name);
    std::this_thread::sleep_for(kLockPoll);
  }
  return {};
}

// Nothing if there is none, also none any more.
Result<std::optional<UniqueFd>> open_locked(int place, const std::string& name) {
  for (;;) {
    Sys<UniqueFd> fd = open_directory_at(place, name);
    if (!fd && fd.error() == ENOENT) return std::nullopt;
    if (!fd) return fail_errno(fd.error(), "open the restore's area " + name);
    TRY(lock(fd->get(), name));
    const Sys<Status> locked = status_of(fd->get());
    if (!locked) return fail_errno(locked.error(), "look at the restore's area " + name);
    const Sys<Status> named = status_at(place, name);
    // Whoever had the lock has removed it meanwhile.
    if (named && named->identity() == locked->identity()) return std::move(*fd);
    if (!named && named.error() != ENOENT) return fail_errno(named.error(), "look at the restore's area " + name);
  }
}

}  // namespace

Result<std::optional<OpenArea>> OpenArea::open(int place, const std::string& name, const StepHook& hook) {
  OpenArea area(place, name, hook);
  TRY_ASSIGN(fd, open_locked(place, name));
  if (!fd) return std::nullopt;
  area.fd_ = std::move(*fd);
  const Sys<Status> status = status_of(area.fd_.get());
  if (!status) return fail_errno(status.error(), "look at the restore's area " + name);
  // Whoever may write to the place could have made one of the name, to have things moved about with our rights.
  if (status->uid != ::geteuid())
    return fail(Errc::failed,
                "the restore's area " + name + " belongs to user " + std::to_string(status->uid) + ", not to us",
                "look at what is in it, and remove it by hand");
  TRY_ASSIGN(journal, in_context(read_journal(area.fd_.get()), "restore's area " + name));
  area.journal_ = std::move(journal);
  if (area.journal_) return area;
  TRY_ASSIGN(closed, is_journal_closed(area.fd_.get()));
  area.closed_ = closed;
  if (closed) return area;
  // Cut off before it began: then nothing was put aside.
  const Sys<UniqueFd> old = open_directory_at(area.fd_.get(), "old");
  if (!old && old.error() == ENOENT) return area;
  if (!old || !list_names(old->get()).names.empty())
    return fail(Errc::corrupt, "the restore's area " + name + " holds old contents and no journal",
                "look at what is in it, and move it back by hand");
  return area;
}

Result<OpenArea> OpenArea::create(int place, const std::string& name, const StepHook& hook) {
  OpenArea area(place, name, hook);
  RestoreJournal journal;
  Sys<Attributes> root = read_attributes(place);
  if (!root) return fail_errno(root.error(), "look at the place");
  journal.root = std::move(*root);
  TRY(before(hook, "make the area"));
  if (::mkdirat(place, name.c_str(), 0700) != 0) return fail_errno(errno, "make the restore's area " + name);
  TRY_ASSIGN(fd, open_directory(place, name));
  TRY(lock(fd.get(), name));
  area.fd_ = std::move(fd);
  // A default ACL or setgid bit of the place would be inherited by everything that is unpacked.
  TRY(remove_other_xattrs(area.fd_.get(), {}));
  if (::fchmod(area.fd_.get(), 0700) != 0) return fail_errno(errno, "set the mode of the restore's area");
  TRY(area.write(std::move(journal)));
  for (const char* part : {"old", "new"}) {
    TRY(before(hook, part));
    if (::mkdirat(area.fd_.get(), part, 0700) != 0) return fail_errno(errno, "make the restore's area");
  }
  return area;
}

Result<> OpenArea::write(RestoreJournal journal) {
  TRY(before(*hook_, "write the journal"));
  TRY(write_journal(fd_.get(), journal));
  journal_ = std::move(journal);
  return before(*hook_, "go on from the journal");
}

Result<> OpenArea::close() {
  TRY(before(*hook_, "close the journal"));
  TRY(close_journal(fd_.get()));
  journal_.reset();
  closed_ = true;
  return before(*hook_, "go on from the closed journal");
}

Result<UniqueFd> OpenArea::open_new() const { return open_directory(fd_.get(), "new"); }

Result<std::vector<RestoreUnit>> OpenArea::find_units(std::vector<std::string>* missing) const {
  TRY_ASSIGN(fresh, open_new());
  std::vector<RestoreUnit> units;
  if (journal_->paths.empty()) {
    const Listing old_names = list_names(place_);
    if (old_names.error != 0) return fail_errno(old_names.error, "list the place");
    const Listing new_names = list_names(fresh.get());
    if (new_names.error != 0) return fail_errno(new_names.error, "list what was unpacked");
    std::set<std::string> names(new_names.names.begin(), new_names.names.end());
    for (const std::string& name : old_names.names) {
      if (name == name_) continue;
      if (name == kLostAndFound && status_at(place_, name).value_or(Status{}).is_directory()) continue;
      names.insert(name);
    }
    for (const std::string& name : names)
      units.push_back({.path = {name},
                       .has_old = std::ranges::binary_search(old_names.names, name),
                       .has_new = std::ranges::binary_search(new_names.names, name)});
    return units;
  }
  DirectoryChain place(place_);
  DirectoryChain unpacked(fresh.get());
  std::set<Path> wanted;
  for (const std::string& text : journal_->paths) {
    TRY_ASSIGN(path, split_relative(text));
    TRY_ASSIGN(there, exists_below(unpacked, path));
    if (!there) {
      if (missing != nullptr) missing->push_back(text);
      continue;
    }
    TRY_ASSIGN(unit, unit_of(place, path));
    wanted.insert(std::move(unit));
  }
  for (const Path& path : wanted) {
    // Sorted, so that what lies above comes before: a unit inside another goes with it.
    if (!units.empty() && units.back().path.size() < path.size() &&
        std::equal(units.back().path.begin(), units.back().path.end(), path.begin()))
      continue;
    TRY_ASSIGN(parent, open_parent(place, path));
    TRY_ASSIGN(has_old, exists(parent, path.back()));
    units.push_back({.path = path, .has_old = has_old, .has_new = true});
  }
  return units;
}

Result<std::vector<RestoreJournal::Time>> OpenArea::prepare_parents(const std::vector<RestoreUnit>& units) const {
  std::vector<RestoreJournal::Time> times;
  TRY_ASSIGN(old, open_directory(fd_.get(), "old"));
  DirectoryChain place(place_);
  for (const RestoreUnit& unit : units) {
    if (unit.path.size() == 1 || (!times.empty() && times.back().path == parent_of(unit.path))) continue;
    TRY_ASSIGN(parent, open_parent(place, unit.path));
    const Sys<Status> status = status_of(parent);
    if (!status) return fail_errno(status.error(), "look at the directory of " + shown(unit.path));
    times.push_back({parent_of(unit.path), status->mtime_ns});
    DirectoryChain kept(old.get());
    for (const std::string& name : times.back().path) {
      const Sys<int> at = kept.fd();
      if (!at) return fail_errno(at.error(), "make a directory for old contents");
      TRY(before(*hook_, "make a directory for old contents"));
      if (::mkdirat(*at, name.c_str(), 0700) != 0 && errno != EEXIST)
        return fail_errno(errno, "make a directory for old contents");
      if (const Sys<> entered = kept.enter(name); !entered)
        return fail_errno(entered.error(), "open a directory for old contents");
    }
  }
  return times;
}

Result<> OpenArea::swap_in() const {
  TRY_ASSIGN(old, open_directory(fd_.get(), "old"));
  TRY_ASSIGN(fresh, open_new());
  DirectoryChain place(place_);
  DirectoryChain kept(old.get());
  DirectoryChain unpacked(fresh.get());
  for (const RestoreUnit& unit : journal_->units) {
    const std::string& name = unit.path.back();
    TRY_ASSIGN(here, open_parent(place, unit.path));
    if (unit.has_old) {
      TRY_ASSIGN(to, open_parent(kept, unit.path));
      TRY(before(*hook_, "put aside " + name));
      if (const Sys<> moved = rename_at(here, name, to, name); !moved)
        return fail_errno(moved.error(), "put aside " + shown(unit.path));
    }
    if (unit.has_new) {
      TRY_ASSIGN(from, open_parent(unpacked, unit.path));
      TRY(before(*hook_, "put in place " + name));
      if (const Sys<> moved = rename_at(from, name, here, name); !moved)
        return fail_errno(moved.error(), "put in place " + shown(unit.path));
    }
  }
  return {};
}

Result<> OpenArea::swap_out() const {
  TRY_ASSIGN(old, open_directory(fd_.get(), "old"));
  TRY_ASSIGN(fresh, open_new());
  DirectoryChain place(place_);
  DirectoryChain kept(old.get());
  DirectoryChain unpacked(fresh.get());
  for (const RestoreUnit& unit : journal_->units) {
    const std::string& name = unit.path.back();
    TRY_ASSIGN(here, open_parent(place, unit.path));
    // Where each half stands tells how far the swap had come: the new one is still in `new` or it is in place, the old
    // one is in `old` or it is in place.
    if (unit.has_new) {
      TRY_ASSIGN(back, open_parent(unpacked, unit.path));
      TRY_ASSIGN(still_there, exists(back, name));
      if (!still_there) {
        TRY(before(*hook_, "take out " + name));
        if (const Sys<> moved = rename_at(here, name, back, name); !moved)
          return fail_errno(moved.error(), "take out " + shown(unit.path));
      }
    }
    if (unit.has_old) {
      TRY_ASSIGN(from, open_parent(kept, unit.path));
      TRY_ASSIGN(aside, exists(from, name));
      if (aside) {
        TRY(before(*hook_, "put back " + name));
        if (const Sys<> moved = rename_at(from, name, here, name); !moved)
          return fail_errno(moved.error(), "put back " + shown(unit.path));
      }
    }
  }
  for (const RestoreJournal::Time& parent : journal_->parents) {
    if (const Sys<> there = place.go_to(parent.path); !there)
      return fail_errno(there.error(), "open directory " + shown(parent.path));
    const Sys<int> fd = place.fd();
    if (!fd) return fail_errno(fd.error(), "open directory " + shown(parent.path));
    TRY(before(*hook_, "set the time of a directory"));
    if (const Sys<> set = set_mtime(*fd, parent.mtime_ns); !set)
      return fail_errno(set.error(), "set the time of directory " + shown(parent.path));
  }
  return {};
}

Result<> OpenArea::sync_units() const {
  std::set<Path> parents{{}};
  for (const RestoreJournal::Time& parent : journal_->parents) parents.insert(parent.path);
  TRY_ASSIGN(old, open_directory(fd_.get(), "old"));
  TRY_ASSIGN(fresh, open_new());
  for (const int root : {place_, old.get(), fresh.get()}) {
    DirectoryChain chain(root);
    for (const Path& parent : parents) {
      if (const Sys<> there = chain.go_to(parent); !there)
        return fail_errno(there.error(), "open directory " + shown(parent));
      const Sys<int> fd = chain.fd();
      if (!fd || ::fsync(*fd) != 0) return fail_errno(fd ? errno : fd.error(), "sync directory " + shown(parent));
    }
  }
  return {};
}

Result<> OpenArea::set_root(const Attributes& attributes) const {
  TRY(before(*hook_, "set the attributes of the place"));
  const Sys<Attributes> present = read_attributes(place_);
  if (!present) return fail_errno(present.error(), "look at the place");
  Attributes alike = *present;
  alike.mtime_ns = attributes.mtime_ns;
  if (alike == attributes) {
    if (const Sys<> set = set_mtime(place_, attributes.mtime_ns); !set)
      return fail_errno(set.error(), "set the time of the place");
    return {};
  }
  TRY(remove_other_xattrs(place_, attributes.xattrs));
  // They were on a directory of this file system before, so what can't be held is known already.
  FindingList known;
  return apply_attributes(Target(place_), attributes, false, "./", known);
}

Result<> OpenArea::remove() const {
  for (const char* part : {"new", "old", "journal.new"})
    TRY(in_context(remove_tree(fd_.get(), part, *hook_), "remove " + name_));
  TRY(before(*hook_, "remove the journal"));
  TRY(remove_closed_journal(fd_.get()));
  const Sys<Status> place = status_of(place_);
  if (!place) return fail_errno(place.error(), "look at the place");
  TRY(before(*hook_, "remove the area"));
  if (::unlinkat(place_, name_.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    return fail_errno(errno, "remove the restore's area " + name_);
  TRY(before(*hook_, "set the time of the place"));
  if (const Sys<> set = set_mtime(place_, place->mtime_ns); !set)
    return fail_errno(set.error(), "set the time of the place");
  if (::fsync(place_) != 0) return fail_errno(errno, "sync the place");
  return {};
}

}  // namespace davit::helper
