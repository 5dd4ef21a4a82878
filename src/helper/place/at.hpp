#pragma once
// System calls relative to an open directory: never by a path string, never through a symlink, without a limit to the
// depth. They give errno values, because whether a failure is a finding or an error is for the caller to say.

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "helper/session.hpp"
#include "util/unique_fd.hpp"

namespace davit::helper {

// The value, or an errno.
template <class T = void>
using Sys = std::expected<T, int>;

struct Status {
  std::uint32_t mode = 0;  // with the type
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t links = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint32_t special_major = 0;  // of a device node
  std::uint32_t special_minor = 0;
  std::uint64_t size = 0;
  std::uint64_t blocks = 0;   // of 512 bytes
  std::int64_t mtime_ns = 0;  // since 1970; what 64 bits can't hold is held to the nearest end
  std::int64_t ctime_ns = 0;
  // Which mount it lies on: tells a bind mount from the file system it shows. Before Linux 5.8 it is known of
  // directories only.
  std::optional<std::uint64_t> mount;

  [[nodiscard]] DirectoryId identity() const { return {device, inode}; }
  [[nodiscard]] bool is_file() const { return (mode & 0170000U) == 0100000U; }
  [[nodiscard]] bool is_directory() const { return (mode & 0170000U) == 0040000U; }
  [[nodiscard]] bool is_symlink() const { return (mode & 0170000U) == 0120000U; }
};

[[nodiscard]] Sys<Status> status_of(int fd);
[[nodiscard]] Sys<Status> status_at(int directory, const std::string& name);
// True if `inner` does not lie on the mount of `outer`.
[[nodiscard]] bool on_other_mount(const Status& outer, const Status& inner);

// Retries EINTR, and without O_NOATIME where that is not allowed. O_CLOEXEC, O_NOFOLLOW and O_NOCTTY are always set.
[[nodiscard]] Sys<UniqueFd> open_at(int directory, const std::string& name, int flags, mode_t mode = 0);
// For reading its names; ENOTDIR or ELOOP for a symlink.
[[nodiscard]] Sys<UniqueFd> open_directory_at(int directory, const std::string& name);

// The names in an open directory, sorted by their bytes, without "." and "..". What came before an error is in `names`.
struct Listing {
  std::vector<std::string> names;
  int error = 0;
};
[[nodiscard]] Listing list_names(int directory);

[[nodiscard]] Sys<std::string> read_link_at(int directory, const std::string& name);
// Renames without replacing anything: EEXIST where the new name exists. (By a look beforehand where the file system
// can't.)
[[nodiscard]] Sys<> rename_at(int from, const std::string& name, int to, const std::string& new_name);
// Only the modification time; `name` may be a symlink.
[[nodiscard]] Sys<> set_mtime(int fd, std::int64_t mtime_ns);
[[nodiscard]] Sys<> set_mtime_at(int directory, const std::string& name, std::int64_t mtime_ns);

}  // namespace davit::helper
