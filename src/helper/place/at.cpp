#include "helper/place/at.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <limits>
#include <string_view>

namespace davit::helper {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t nanoseconds(const statx_timestamp& time) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kSecond - 1;
  if (time.tv_sec > kMost) return std::numeric_limits<std::int64_t>::max();
  if (time.tv_sec < -kMost) return std::numeric_limits<std::int64_t>::min();
  return time.tv_sec * kSecond + time.tv_nsec;
}

std::array<timespec, 2> only_mtime(std::int64_t mtime_ns) {
  std::int64_t seconds = mtime_ns / kSecond;
  std::int64_t rest = mtime_ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  return {timespec{0, UTIME_OMIT}, timespec{seconds, rest}};
}

// The mount of an open file as /proc tells it, for kernels whose statx does not.
std::optional<std::uint64_t> mount_from_proc(int fd) {
  const UniqueFd info(::open(("/proc/self/fdinfo/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC));
  if (!info) return std::nullopt;
  std::array<char, 512> buffer{};
  const ssize_t got = ::read(info.get(), buffer.data(), buffer.size());
  if (got <= 0) return std::nullopt;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
  constexpr std::string_view kKey = "mnt_id:\t";
  const std::size_t at = text.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t mount = 0;
  const auto parsed = std::from_chars(text.data() + at + kKey.size(), text.data() + text.size(), mount);
  return parsed.ec == std::errc{} ? std::optional(mount) : std::nullopt;
}

Sys<Status> status_with(int directory, const char* name, int flags) {
  struct statx raw{};
  constexpr unsigned kWanted = STATX_BASIC_STATS | STATX_MNT_ID;
  if (::statx(directory, name, flags | AT_NO_AUTOMOUNT, kWanted, &raw) != 0) return std::unexpected(errno);
  Status status;
  status.mode = raw.stx_mode;
  status.uid = raw.stx_uid;
  status.gid = raw.stx_gid;
  status.links = raw.stx_nlink;
  status.device = makedev(raw.stx_dev_major, raw.stx_dev_minor);
  status.inode = raw.stx_ino;
  status.special_major = raw.stx_rdev_major;
  status.special_minor = raw.stx_rdev_minor;
  status.size = raw.stx_size;
  status.blocks = raw.stx_blocks;
  status.mtime_ns = nanoseconds(raw.stx_mtime);
  status.ctime_ns = nanoseconds(raw.stx_ctime);
  if ((raw.stx_mask & STATX_MNT_ID) != 0) {
    status.mount = raw.stx_mnt_id;
  } else if (*name == '\0') {
    status.mount = mount_from_proc(directory);
  } else if (status.is_directory()) {
    const UniqueFd fd(::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (fd) status.mount = mount_from_proc(fd.get());
  }
  return status;
}

Sys<> done(int result) {
  if (result != 0) return std::unexpected(errno);
  return {};
}

}  // namespace

Sys<Status> status_of(int fd) { return status_with(fd, "", AT_EMPTY_PATH); }

Sys<Status> status_at(int directory, const std::string& name) {
  return status_with(directory, name.c_str(), AT_SYMLINK_NOFOLLOW);
}

bool on_other_mount(const Status& outer, const Status& inner) {
  if (outer.mount && inner.mount) return *outer.mount != *inner.mount;
  return outer.device != inner.device;
}

Sys<UniqueFd> open_at(int directory, const std::string& name, int flags, mode_t mode) {
  flags |= O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
  while (true) {
    const int fd = ::openat(directory, name.c_str(), flags, mode);
    if (fd >= 0) return UniqueFd(fd);
    if (errno == EINTR) continue;
    if (errno == EPERM && (flags & O_NOATIME) != 0) {
      flags &= ~O_NOATIME;
      continue;
    }
    return std::unexpected(errno);
  }
}

Sys<UniqueFd> open_directory_at(int directory, const std::string& name) {
  return open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOATIME);
}

Listing list_names(int directory) {
  Listing listing;
  if (::lseek(directory, 0, SEEK_SET) < 0) {
    listing.error = errno;
    return listing;
  }
  alignas(dirent64) std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = ::getdents64(directory, buffer.data(), buffer.size());
    if (got < 0) {
      if (errno == EINTR) continue;
      listing.error = errno;
      break;
    }
    if (got == 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") listing.names.emplace_back(name);
    }
  }
  std::ranges::sort(listing.names);
  return listing;
}

Sys<std::string> read_link_at(int directory, const std::string& name) {
  std::string target(256, '\0');
  while (true) {
    const ssize_t got = ::readlinkat(directory, name.c_str(), target.data(), target.size());
    if (got < 0) return std::unexpected(errno);
    if (static_cast<std::size_t>(got) < target.size()) {
      target.resize(static_cast<std::size_t>(got));
      return target;
    }
    target.resize(target.size() * 2);
  }
}

Sys<> rename_at(int from, const std::string& name, int to, const std::string& new_name) {
  if (::renameat2(from, name.c_str(), to, new_name.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return std::unexpected(errno);
  if (const Sys<Status> there = status_at(to, new_name); there) return std::unexpected(EEXIST);
  return done(::renameat(from, name.c_str(), to, new_name.c_str()));
}

Sys<> set_mtime(int fd, std::int64_t mtime_ns) { return done(::futimens(fd, only_mtime(mtime_ns).data())); }

Sys<> set_mtime_at(int directory, const std::string& name, std::int64_t mtime_ns) {
  return done(::utimensat(directory, name.c_str(), only_mtime(mtime_ns).data(), AT_SYMLINK_NOFOLLOW));
}

}  // namespace davit::helper
