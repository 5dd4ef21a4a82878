#pragma once
// POSIX ACLs in the form that Linux keeps as the value of the xattrs system.posix_acl_access and
// system.posix_acl_default (linux/posix_acl_xattr.h): a version, then entries of tag, permissions and id, little
// endian.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace davit::stream {

inline constexpr std::string_view kAclAccess = "system.posix_acl_access";
inline constexpr std::string_view kAclDefault = "system.posix_acl_default";

enum class AclTag : std::uint16_t {
  owner = 0x01,
  user = 0x02,
  owning_group = 0x04,
  group = 0x08,
  mask = 0x10,
  other = 0x20
};

struct AclEntry {
  AclTag tag = AclTag::other;
  std::uint16_t permissions = 0;  // 4 read, 2 write, 1 execute
  std::uint32_t id = 0;           // of a user or group; 0 for the other tags
  bool operator==(const AclEntry&) const = default;
};
using Acl = std::vector<AclEntry>;

// Errc::corrupt: of another version, cut, or with a tag or permission that is none.
[[nodiscard]] Result<Acl> parse_acl(std::string_view value);
// In the order that the kernel demands, whatever the order of `acl`.
[[nodiscard]] std::string render_acl(Acl acl);
// As acl(5) writes it, with numbers for users and groups: "user::rw-,user:1000:r--,group::r--,mask::r--,other::---".
[[nodiscard]] std::string render_acl_text(Acl acl);
// The permissions that stat(2) shows for the group of a file with this access ACL: the mask where there is one.
[[nodiscard]] std::optional<std::uint16_t> group_bits(const Acl& acl);

}  // namespace davit::stream
