#pragma once
// Owner, mode, extended attributes and modification time of a file: read, and set again in the order that keeps them.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "helper/place/at.hpp"
#include "helper/place/finding_list.hpp"
#include "util/error.hpp"

namespace davit::helper {

using Xattrs = std::map<std::string, std::string>;

struct Attributes {
  std::uint32_t mode = 0;  // 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime_ns = 0;
  Xattrs xattrs;
  bool operator==(const Attributes&) const = default;
};

// What attributes belong to: an open file or directory, or a name in a directory (a symlink, fifo or device, which
// can't be opened). Borrows the descriptor.
class Target {
 public:
  explicit Target(int fd) : fd_(fd) {}
  Target(int directory, const std::string& name) : fd_(directory), name_(&name) {}

  // Those that are stored: ACLs, user.*, trusted.*, security.capability. Namespaces that are met and not stored (but
  // for SELinux labels, which the system gives anew) are added to `left_out`.
  [[nodiscard]] Sys<Xattrs> read_xattrs(std::set<std::string>* left_out = nullptr) const;
  // `mode` with or without the type. `err` of the first attribute that could not be set; 0.
  [[nodiscard]] int set_owner(std::uint32_t uid, std::uint32_t gid) const;
  [[nodiscard]] int set_mode(std::uint32_t mode) const;
  [[nodiscard]] int set_xattr(const std::string& attribute, const std::string& value) const;
  [[nodiscard]] int remove_xattr(const std::string& attribute) const;
  [[nodiscard]] int set_mtime(std::int64_t mtime_ns) const;
  // Whether its file system has room left, for telling "full" from "too big for an attribute".
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] bool is_name() const { return name_ != nullptr; }

 private:
  [[nodiscard]] std::string proc_path() const;
  int fd_;
  const std::string* name_ = nullptr;
};

[[nodiscard]] Sys<Attributes> read_attributes(int fd);

// Sets all of them: owner, mode (chown clears setuid), ACLs and other xattrs (chown clears capabilities), time. What
// the file system or our rights can't hold is a finding about `path`; a failing device or a full one is an error.
// `symlink`: it has no mode of its own.
[[nodiscard]] Result<> apply_attributes(const Target& target, const Attributes& attributes, bool symlink,
                                        std::string_view path, FindingList& findings);
// Removes those stored xattrs that are not in `keep`.
[[nodiscard]] Result<> remove_other_xattrs(int fd, const Xattrs& keep);

// True for an errno that says "this can't be held here", as opposed to "this went wrong".
[[nodiscard]] bool is_limit(int err);

}  // namespace davit::helper
