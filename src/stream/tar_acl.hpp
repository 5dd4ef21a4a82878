#pragma once
// ACLs between xattrs (acl.hpp) and an entry of libarchive, which writes and reads them as SCHILY.acl.access and
// SCHILY.acl.default.

#include <string>
#include <string_view>

#include "stream/tar_entry.hpp"
#include "util/error.hpp"

struct archive_entry;

namespace davit::stream {

[[nodiscard]] bool is_acl(std::string_view xattr);
// Puts the ACL that is the value of `xattr` into `to`. REQUIRES: the mode of `to` is set, because libarchive keeps the
// permissions of owner, group and others there. The error says why the value can't be stored.
[[nodiscard]] Result<> put_acl(archive_entry* to, std::string_view xattr, std::string_view value);
// Adds the ACLs of `from` to the xattrs of `to` and sets its mode to what stat(2) shows beside them. An ACL that can't
// be represented is left out; the error says why.
[[nodiscard]] Result<> take_acls(archive_entry* from, TarEntry& to);

}  // namespace davit::stream
