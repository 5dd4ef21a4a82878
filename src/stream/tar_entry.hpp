#pragma once
// One member of a tar archive: everything that a file system holds about a file but its contents. Names are bytes, not
// text: nothing here is UTF-8 by contract.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace davit::stream {

enum class TarType { file, directory, symlink, hardlink, fifo, character_device, block_device };

// A run of data inside a sparse file.
struct TarExtent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool operator==(const TarExtent&) const = default;
};

struct TarEntry {
  std::string path{};  // relative; a directory may end with '/'
  TarType type = TarType::file;
  std::uint32_t mode = 0;  // permission bits with setuid, setgid and sticky (07777), without the type
  std::uint32_t uid = 0;   // numeric only: names of users belong to another machine
  std::uint32_t gid = 0;
  std::uint64_t size = 0;     // of a file, holes included; 0 for every other type
  std::int64_t mtime_ns = 0;  // since 1970; may be negative
  std::string link_target{};  // symlink: its text; hardlink: the path of an earlier member
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  // As the kernel gives them, of every namespace. `system.posix_acl_access` and `system.posix_acl_default` are among
  // them: in the archive they become the ACL headers that `tar --acls` and bsdtar read.
  std::map<std::string, std::string> xattrs{};
  // A sparse file: where its data is, ascending, without overlap, inside `size`; the rest is hole. May be empty: all
  // hole. Ignored unless `sparse`.
  bool sparse = false;
  std::vector<TarExtent> data{};

  bool operator==(const TarEntry&) const = default;
};

}  // namespace davit::stream
