#pragma once
// Directories with everything a file system holds, for tests of what packs and restores them, and what they look like
// as text.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "util/unique_fd.hpp"

namespace davit::test {

// A fresh directory beside the build, which is on a file system with xattrs, ACLs and holes where the temporary one of
// a container need not be. Removed at the end.
class Tree {
 public:
  Tree();
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::filesystem::path operator/(const std::string& below) const { return path_ / below; }

 private:
  std::filesystem::path path_;
  UniqueFd fd_;
};

// Path → type, mode, owner, size, contents, data map if sparse, link target, names of the same file, xattrs (ACLs among
// them), mtime. The directory itself is ".". Sockets, and what is named in `ignore` (and below), are left out.
using Snapshot = std::map<std::string, std::string>;
[[nodiscard]] Snapshot snapshot(const std::filesystem::path& directory, const std::vector<std::string>& ignore = {});
// Lines that differ, "" if none: for CHECK(difference(a, b) == "").
[[nodiscard]] std::string difference(const Snapshot& expected, const Snapshot& found);

void make_file(const std::filesystem::path& path, const std::string& contents, std::uint32_t mode = 0644);
void set_time(const std::filesystem::path& path, std::int64_t mtime_ns);
[[nodiscard]] std::string read_text(const std::filesystem::path& path);
// False where it can't be set here; says so.
bool set_xattr(const std::filesystem::path& path, const std::string& name, const std::string& value);
// An ACL in the kernel's form that gives user 1234 rwx beside owner rw-, group r--, others ---.
[[nodiscard]] std::string acl_blob();

// Every oddity that this machine and these rights can make; warns about the others.
void make_oddities(const std::filesystem::path& directory);

}  // namespace davit::test
