#pragma once
// What a base backup holds, as PostgreSQL says it itself
// (https://www.postgresql.org/docs/current/backup-manifest-format.html): every file with its length and checksum, and
// the part of the transaction log that it takes to become consistent.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace davit::sources {

inline constexpr std::string_view kBackupManifestName = "backup_manifest";
inline constexpr std::size_t kBackupManifestLimit = 1U << 30U;  // bytes; a larger one is none

struct BackupManifest {
  struct File {
    std::uint64_t size = 0;
    std::string sha256;  // lowercase hex; empty: it has another checksum, or none
    bool operator==(const File&) const = default;
  };
  // By path below the data directory; those of tablespaces are below "pg_tblspc/OID/". A path is bytes.
  std::map<std::string, File, std::less<>> files;
  struct WalRange {
    std::uint32_t timeline = 0;
    std::uint64_t start = 0;
    std::uint64_t end = 0;
  };
  std::vector<WalRange> wal;
};

// Errc::corrupt: it isn't what its own checksum says, or no manifest at all.
[[nodiscard]] Result<BackupManifest> parse_backup_manifest(std::string_view text);

// The names of the segments that hold these ranges; `segment_size` in bytes, a power of two.
[[nodiscard]] std::vector<std::string> segments_of(const std::vector<BackupManifest::WalRange>& ranges,
                                                   std::uint64_t segment_size);

// What was found in a base backup, held against its manifest. `segments`: sizes of the files right in pg_wal, by name.
struct FoundFiles {
  std::map<std::string, BackupManifest::File, std::less<>> files;
  std::map<std::string, std::uint64_t, std::less<>> segments;
};
// Errc::corrupt, naming the first that is missing, another than it should be, or too many.
[[nodiscard]] Result<> compare(const BackupManifest& manifest, const FoundFiles& found);

}  // namespace davit::sources
