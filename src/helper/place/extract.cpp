#include "helper/place/extract.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "helper/place/walk.hpp"
#include "util/text.hpp"

namespace davit::helper {
namespace {

using stream::TarType;

Attributes attributes_of(const stream::TarEntry& entry) {
  return {.mode = entry.mode & 07777U,
          .uid = entry.uid,
          .gid = entry.gid,
          .mtime_ns = entry.mtime_ns,
          .xattrs = entry.xattrs};
}

std::string member(const stream::TarEntry& entry) { return "member " + escape_for_display(entry.path); }

std::unexpected<Error> could_not(int err, std::string_view doing, const stream::TarEntry& entry) {
  const std::string what = std::string(doing) + " " + escape_for_display(entry.path);
  switch (err) {
    case ELOOP:
    case ENOTDIR:
      return fail(Errc::corrupt, what + ": its path goes through something that is no directory");
    case EEXIST:
      return fail(Errc::corrupt, what + ": the archive has it twice");
    default:
      return fail_errno(err, what);
  }
}

Result<> write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset, const stream::TarEntry& entry) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, "write " + escape_for_display(entry.path));
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

Result<std::vector<std::string>> split_member(const std::string& path, const stream::TarEntry& entry) {
  Result<std::vector<std::string>> components = split_relative(path);
  if (!components) return std::unexpected(std::move(components).error().context(member(entry)).as(Errc::corrupt));
  return components;
}

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

Extractor::Extractor(int into, const PathSelection& selection, Options options, Meter& meter, FindingList& findings)
    : selection_(selection),
      options_(std::move(options)),
      meter_(meter),
      findings_(findings),
      chain_(into),
      targets_(into) {}

Result<> Extractor::leave() {
  const Sys<int> fd = chain_.fd();
  if (!fd) return fail_errno(fd.error(), "finish directory " + escape_for_display(chain_.name(chain_.depth() - 1)));
  std::string path;
  for (std::size_t i = 0; i < chain_.depth(); ++i) path += chain_.name(i) + '/';
  TRY(apply_attributes(Target(*fd), pending_.back(), false, path, findings_));
  pending_.pop_back();
  chain_.leave();
  return {};
}

Result<> Extractor::enter(const std::string& name) {
  const Sys<int> at = chain_.fd();
  if (!at) return fail_errno(at.error(), "open the directory above " + escape_for_display(name));
  const bool made = ::mkdirat(*at, name.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return fail_errno(errno, "make directory " + escape_for_display(name));
  if (const Sys<> entered = chain_.enter(name); !entered) {
    const int err = entered.error();
    if (err == ENOTDIR || err == ELOOP)
      return fail(Errc::corrupt,
                  "directory " + escape_for_display(name) + ": the archive has something else of that name");
    return fail_errno(err, "open directory " + escape_for_display(name));
  }
  const Sys<int> fd = chain_.fd();
  if (!fd) return fail_errno(fd.error(), "open directory " + escape_for_display(name));
  if (made) {
    pending_.push_back({.mode = 0755, .uid = ::geteuid(), .gid = ::getegid(), .mtime_ns = now_ns(), .xattrs = {}});
    return {};
  }
  // An archive that comes back to a directory: what it has by now is kept for when it is left again, and its default
  // ACL must not be inherited by what is made in it.
  Sys<Attributes> present = read_attributes(*fd);
  if (!present) return fail_errno(present.error(), "look at directory " + escape_for_display(name));
  TRY(remove_other_xattrs(*fd, {}));
  pending_.push_back(std::move(*present));
  return {};
}

Result<> Extractor::go_to(const Path& components) {
  std::size_t shared = 0;
  while (shared < chain_.depth() && shared < components.size() && chain_.name(shared) == components[shared]) ++shared;
  while (chain_.depth() > shared) TRY(leave());
  for (; shared < components.size(); ++shared) TRY(enter(components[shared]));
  return {};
}

Result<> Extractor::add_directory(const stream::TarEntry& entry, const Path& components) {
  if (components.empty()) {
    root_ = attributes_of(entry);
    return {};
  }
  TRY(in_context(go_to(components), member(entry)));
  pending_.back() = attributes_of(entry);
  return {};
}

Result<> Extractor::add_file(stream::TarReader& tar, const stream::TarEntry& entry, int parent,
                             const std::string& name) {
  const Sys<UniqueFd> fd = open_at(parent, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!fd) return could_not(fd.error(), "create", entry);
  std::uint64_t end = 0;
  while (true) {
    TRY_ASSIGN(data, tar.read_data());
    if (data.bytes.empty()) break;
    TRY(write_at(fd->get(), data.bytes, data.offset, entry));
    end = data.offset + data.bytes.size();
    TRY(meter_.add(data.bytes.size()));
  }
  if (end != entry.size && ::ftruncate(fd->get(), static_cast<off_t>(entry.size)) != 0)
    return fail_errno(errno, "set the length of " + escape_for_display(entry.path));
  return apply_attributes(Target(fd->get()), attributes_of(entry), false, entry.path, findings_);
}

Result<> Extractor::add_hardlink(const stream::TarEntry& entry, int parent, const std::string& name) {
  TRY_ASSIGN(target, split_member(entry.link_target, entry));
  const std::string shown = escape_for_display(entry.link_target);
  if (target.empty()) return fail(Errc::corrupt, member(entry) + ": is a hard link to a directory");
  if (selection_.relation(target) != PathSelection::Relation::inside)
    return fail(Errc::failed,
                member(entry) + ": is a hard link to " + shown + ", which is not among the paths to restore",
                "restore " + shown + " as well");
  const std::string last = target.back();
  target.pop_back();
  if (const Sys<> there = targets_.go_to(target); !there)
    return fail(Errc::corrupt, member(entry) + ": hard link to " + shown + ": " + errno_text(there.error()));
  const Sys<int> directory = targets_.fd();
  if (!directory) return could_not(directory.error(), "link", entry);
  if (::linkat(*directory, last.c_str(), parent, name.c_str(), 0) == 0) return {};
  if (errno == ENOENT || (errno == EPERM && status_at(*directory, last).value_or(Status{}).is_directory()))
    return fail(Errc::corrupt,
                member(entry) + ": is a hard link to " + shown + ", which is no file before it in the archive");
  return could_not(errno, "link", entry);
}

Result<bool> Extractor::make_special(const stream::TarEntry& entry, int parent, const std::string& name) {
  int result = 0;
  const auto device = makedev(entry.device_major, entry.device_minor);
  switch (entry.type) {
    case TarType::symlink:
      result = ::symlinkat(entry.link_target.c_str(), parent, name.c_str());
      break;
    case TarType::fifo:
      result = ::mkfifoat(parent, name.c_str(), 0600);
      break;
    case TarType::character_device:
      result = ::mknodat(parent, name.c_str(), S_IFCHR | 0600, device);
      break;
    default:
      result = ::mknodat(parent, name.c_str(), S_IFBLK | 0600, device);
      break;
  }
  if (result == 0) return true;
  if (!is_limit(errno)) return could_not(errno, "make", entry);
  const char* what = entry.type == TarType::symlink ? "symlink" : entry.type == TarType::fifo ? "fifo" : "device";
  findings_.add(entry.path, std::string(what) + " could not be made: " + errno_text(errno));
  return false;
}

bool Extractor::is_left_out(const stream::TarEntry& entry, const Path& components) {
  if (components.empty()) return false;
  if (selection_.everything()) {
    if (components.front() == kLostAndFound && options_.keep_lost_and_found) {
      if (!told_of_lost_and_found_ && components.size() > 1)
        findings_.add(kLostAndFound, "not restored: it belongs to the file system");
      told_of_lost_and_found_ |= components.size() > 1;
      return true;
    }
    if (components.front().starts_with(kAreaPrefix)) {
      if (components.size() == 1) findings_.add(entry.path, "not restored: such a name belongs to restores");
      return true;
    }
    return false;
  }
  switch (selection_.relation(components)) {
    case PathSelection::Relation::inside:
      return false;
    case PathSelection::Relation::leads_to:
      return entry.type != TarType::directory;
    case PathSelection::Relation::outside:
      return true;
  }
  return true;
}

Result<> Extractor::add(stream::TarReader& tar, const stream::TarEntry& entry, const Path& components) {
  TRY(before(options_.hook, "unpack " + entry.path));
  ++entries_;
  if (entry.type == TarType::directory) return add_directory(entry, components);
  if (components.empty()) return fail(Errc::corrupt, member(entry) + ": is no directory");
  const std::string& name = components.back();
  TRY(in_context(go_to(Path(components.begin(), components.end() - 1)), member(entry)));
  const Sys<int> parent = chain_.fd();
  if (!parent) return could_not(parent.error(), "create", entry);
  if (entry.type == TarType::file) return add_file(tar, entry, *parent, name);
  if (entry.type == TarType::hardlink) return add_hardlink(entry, *parent, name);
  TRY_ASSIGN(made, make_special(entry, *parent, name));
  if (!made) return {};
  const bool symlink = entry.type == TarType::symlink;
  return apply_attributes(Target(*parent, name), attributes_of(entry), symlink, entry.path, findings_);
}

Result<> Extractor::run(stream::TarReader& tar) {
  while (true) {
    TRY_ASSIGN(entry, tar.next());
    if (!entry) break;
    TRY_ASSIGN(components, split_member(entry->path, *entry));
    if (is_left_out(*entry, components)) continue;
    TRY(add(tar, *entry, components));
    TRY(meter_.add(0));
  }
  while (chain_.depth() > 0) TRY(leave());
  findings_.append(tar.take_findings());
  return meter_.flush();
}

}  // namespace davit::helper
