#include "helper/place/attributes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "stream/acl.hpp"
#include "util/text.hpp"

namespace davit::helper {
namespace {

bool is_stored(std::string_view attribute) {
  return attribute.starts_with("user.") || attribute.starts_with("trusted.") || attribute == "security.capability" ||
         attribute == stream::kAclAccess || attribute == stream::kAclDefault;
}

int error_of(int result) { return result == 0 ? 0 : errno; }

// The kernel's limits: 64 KiB for the list of names and for a value.
std::vector<char>& scratch() {
  thread_local std::vector<char> buffer(65536);
  return buffer;
}

// The permission bits of a mode whose ACL could not be set. Beside an ACL the group bits are its mask, which would give
// the owning group whatever some named user had.
std::uint32_t mode_without_acl(std::uint32_t mode, const std::string& acl) {
  std::uint32_t group = 0;
  std::uint32_t mask = 7;
  if (const auto entries = stream::parse_acl(acl)) {
    for (const stream::AclEntry& entry : *entries) {
      if (entry.tag == stream::AclTag::owning_group) group = entry.permissions;
      if (entry.tag == stream::AclTag::mask) mask = entry.permissions;
    }
  }
  return (mode & ~std::uint32_t{070}) | ((group & mask & 7U) << 3U);
}

}  // namespace

// There are no xattr calls relative to a directory before Linux 6.13; a single name behind the link of /proc does it.
std::string Target::proc_path() const { return "/proc/self/fd/" + std::to_string(fd_) + "/" + *name_; }

Sys<Xattrs> Target::read_xattrs(std::set<std::string>* left_out) const {
  std::vector<char>& buffer = scratch();
  const std::string path = is_name() ? proc_path() : std::string();
  const ssize_t listed = is_name() ? ::llistxattr(path.c_str(), buffer.data(), buffer.size())
                                   : ::flistxattr(fd_, buffer.data(), buffer.size());
  Xattrs xattrs;
  if (listed < 0) {
    if (errno == ENOTSUP) return xattrs;
    return std::unexpected(errno);
  }
  if (listed == 0) return xattrs;
  const std::string names(buffer.data(), static_cast<std::size_t>(listed));
  for (std::size_t at = 0; at < names.size();) {
    const std::string name(names.c_str() + at);
    at += name.size() + 1;
    if (!is_stored(name)) {
      if (left_out != nullptr && name != "security.selinux") left_out->insert(name);
      continue;
    }
    const ssize_t got = is_name() ? ::lgetxattr(path.c_str(), name.c_str(), buffer.data(), buffer.size())
                                  : ::fgetxattr(fd_, name.c_str(), buffer.data(), buffer.size());
    if (got >= 0) {
      xattrs.emplace(name, std::string(buffer.data(), static_cast<std::size_t>(got)));
    } else if (errno != ENODATA) {
      return std::unexpected(errno);
    }
  }
  return xattrs;
}

int Target::set_owner(std::uint32_t uid, std::uint32_t gid) const {
  return error_of(is_name() ? ::fchownat(fd_, name_->c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) : ::fchown(fd_, uid, gid));
}

int Target::set_mode(std::uint32_t mode) const {
  mode &= 07777U;
  // By name only for what was just made in a directory that nobody else may enter, so it is no symlink.
  return error_of(is_name() ? ::fchmodat(fd_, name_->c_str(), mode, 0) : ::fchmod(fd_, mode));
}

int Target::set_xattr(const std::string& attribute, const std::string& value) const {
  return error_of(is_name() ? ::lsetxattr(proc_path().c_str(), attribute.c_str(), value.data(), value.size(), 0)
                            : ::fsetxattr(fd_, attribute.c_str(), value.data(), value.size(), 0));
}

int Target::remove_xattr(const std::string& attribute) const {
  const int error = error_of(is_name() ? ::lremovexattr(proc_path().c_str(), attribute.c_str())
                                       : ::fremovexattr(fd_, attribute.c_str()));
  return error == ENODATA || error == ENOTSUP ? 0 : error;
}

int Target::set_mtime(std::int64_t mtime_ns) const {
  const Sys<> set = is_name() ? set_mtime_at(fd_, *name_, mtime_ns) : helper::set_mtime(fd_, mtime_ns);
  return set ? 0 : set.error();
}

bool Target::has_room() const {
  struct statvfs space{};
  constexpr std::uint64_t kSome = 1 << 20;
  return ::fstatvfs(fd_, &space) == 0 && space.f_bavail * space.f_frsize >= kSome;
}

Sys<Attributes> read_attributes(int fd) {
  const Sys<Status> status = status_of(fd);
  if (!status) return std::unexpected(status.error());
  Sys<Xattrs> xattrs = Target(fd).read_xattrs();
  if (!xattrs) return std::unexpected(xattrs.error());
  return Attributes{.mode = status->mode & 07777U,
                    .uid = status->uid,
                    .gid = status->gid,
                    .mtime_ns = status->mtime_ns,
                    .xattrs = std::move(*xattrs)};
}

bool is_limit(int err) {
  switch (err) {
    case EPERM:
    case EACCES:
    case ENOTSUP:
    case EINVAL:
    case ENOSYS:
    case E2BIG:
    case ERANGE:
    case EOVERFLOW:
      return true;
    default:
      return false;
  }
}

Result<> apply_attributes(const Target& target, const Attributes& attributes, bool symlink, std::string_view path,
                          FindingList& findings) {
  // A finding or an error about one attribute.
  const auto judge = [&](int err, const std::string& what) -> Result<> {
    if (err == 0) return {};
    if (is_limit(err)) {
      findings.add(path, what + " could not be set: " + errno_text(err));
      return {};
    }
    return fail_errno(err, "set " + what + " of " + escape_for_display(path));
  };
  TRY(judge(target.set_owner(attributes.uid, attributes.gid), "owner"));
  if (!symlink) TRY(judge(target.set_mode(attributes.mode), "mode"));
  for (const auto& [name, value] : attributes.xattrs) {
    int err = target.set_xattr(name, value);
    // ext4 says "no space" for attributes that are too big for an inode, on an empty disk too.
    if (err == ENOSPC && target.has_room()) err = E2BIG;
    TRY(judge(err, escape_for_display(name)));
    if (err != 0 && name == stream::kAclAccess && !symlink)
      TRY(judge(target.set_mode(mode_without_acl(attributes.mode, value)), "mode"));
  }
  return judge(target.set_mtime(attributes.mtime_ns), "time");
}

Result<> remove_other_xattrs(int fd, const Xattrs& keep) {
  const Target target(fd);
  const Sys<Xattrs> present = target.read_xattrs();
  if (!present) return fail_errno(present.error(), "read extended attributes");
  for (const auto& [name, value] : *present) {
    if (keep.contains(name)) continue;
    if (const int err = target.remove_xattr(name); err != 0)
      return fail_errno(err, "remove " + escape_for_display(name));
  }
  return {};
}

}  // namespace davit::helper
