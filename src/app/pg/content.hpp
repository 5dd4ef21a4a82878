#pragma once
// What a file holds that is to be restored, told by its contents and not by its name: whoever made it may have called
// it what he liked, and compressed it with zstd.

#include <string>
#include <string_view>

#include "storage/storage.hpp"
#include "stream/encoding.hpp"

namespace davit::app {

enum class DumpContent {
  custom,           // pg_dump -Fc
  tar,              // pg_dump -Ft
  directory,        // a tar of what pg_dump -Fd makes
  cluster_script,   // SQL of pg_dumpall
  database_script,  // SQL of pg_dump -Fp
  base_plain,       // a base backup: sources::BaseForm
  base_directory,   //
  unknown,
};
// By its first bytes, decoded; kHeadBytes of them are enough. Pure.
inline constexpr std::size_t kHeadBytes = 4096;
[[nodiscard]] DumpContent content_of(std::string_view head);

struct StoredContent {
  DumpContent content = DumpContent::unknown;
  stream::Codec codec = stream::Codec::none;
};
// Of an object; Errc::not_found if there is none.
[[nodiscard]] Result<StoredContent> look_into(const storage::StorageReader& storage, const std::string& key);

}  // namespace davit::app
