#pragma once
// ACLs of an entry that libarchive read, as the xattrs that they are on Linux (acl.hpp).

#include "stream/tar_entry.hpp"
#include "util/error.hpp"

struct archive_entry;

namespace davit::stream {

// Adds the ACLs of `from` to the xattrs of `to` and sets its mode to what stat(2) shows beside them. An ACL that can't
// be represented is left out; the error says why.
[[nodiscard]] Result<> take_acls(archive_entry* from, TarEntry& to);

}  // namespace davit::stream
