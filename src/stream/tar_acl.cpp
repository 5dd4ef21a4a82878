#include "stream/tar_acl.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <charconv>

#include "stream/acl.hpp"

namespace davit::stream {
namespace {

struct TagPair {
  AclTag ours;
  int theirs;
};
constexpr TagPair kTags[] = {
    {AclTag::owner, ARCHIVE_ENTRY_ACL_USER_OBJ},
    {AclTag::user, ARCHIVE_ENTRY_ACL_USER},
    {AclTag::owning_group, ARCHIVE_ENTRY_ACL_GROUP_OBJ},
    {AclTag::group, ARCHIVE_ENTRY_ACL_GROUP},
    {AclTag::mask, ARCHIVE_ENTRY_ACL_MASK},
    {AclTag::other, ARCHIVE_ENTRY_ACL_OTHER},
};

bool names_somebody(AclTag tag) { return tag == AclTag::user || tag == AclTag::group; }

// The number of a user or group: libarchive's own is an int, so the text beside it goes first.
Result<std::uint32_t> id_of(const char* name, int number) {
  if (name != nullptr && *name != '\0') {
    const std::string_view text = name;
    std::uint32_t id = 0;
    const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (err == std::errc{} && end == text.data() + text.size()) return id;
  }
  if (number >= 0) return static_cast<std::uint32_t>(number);
  return fail(Errc::failed, std::string("its ACL names '") + (name == nullptr ? "" : name) + "' without a number");
}

Result<Acl> take_acl(archive_entry* from, int type) {
  Acl acl;
  if (archive_entry_acl_reset(from, type) == 0) return acl;
  int found_type = 0;
  int permissions = 0;
  int tag = 0;
  int number = 0;
  const char* name = nullptr;
  while (archive_entry_acl_next(from, type, &found_type, &permissions, &tag, &number, &name) == ARCHIVE_OK) {
    for (const TagPair& pair : kTags) {
      if (pair.theirs != tag) continue;
      AclEntry entry{.tag = pair.ours, .permissions = static_cast<std::uint16_t>(permissions & 7)};
      if (names_somebody(entry.tag)) {
        TRY_ASSIGN(id, id_of(name, number));
        entry.id = id;
      }
      acl.push_back(entry);
    }
  }
  return acl;
}

}  // namespace

Result<> take_acls(archive_entry* from, TarEntry& to) {
  Result<> done;
  if (Result<Acl> acl = take_acl(from, ARCHIVE_ENTRY_ACL_TYPE_ACCESS); !acl) {
    done = std::unexpected(std::move(acl).error());
  } else if (!acl->empty()) {
    to.xattrs.emplace(kAclAccess, render_acl(*acl));
    if (const auto bits = group_bits(*acl)) to.mode = (to.mode & ~070U) | static_cast<std::uint32_t>(*bits << 3);
  }
  if (Result<Acl> acl = take_acl(from, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT); !acl)
    done = std::unexpected(std::move(acl).error());
  else if (!acl->empty())
    to.xattrs.emplace(kAclDefault, render_acl(*acl));
  return done;
}

}  // namespace davit::stream
