#pragma once
// Where a command takes a backup, it may be the file of an exported one instead of an id.

#include <memory>
#include <string>

#include "catalog/exported/exported_file.hpp"
#include "cli/globals.hpp"

namespace davit::cli {

inline constexpr const char* kBackupHelp = "Its id, the beginning of one, latest, or a FILE of davit export";

// A path rather than an id: with a slash or a dot, which no id has. "./backup" is a file in any case.
[[nodiscard]] bool is_file(const std::string& backup);

// Where a backup is read from, and under which id it is found there.
struct BackupPlace {
  const storage::StorageReader* storage = nullptr;
  std::string id;
  std::unique_ptr<catalog::exported::ExportedFile> file{};  // behind `storage`; null: the repository
};
// The repository, or the file, see open_backup_file().
[[nodiscard]] Result<BackupPlace> place_of(Workbench& bench, const std::string& backup);

// The file, verified as a whole. Errc::not_found with the advice to mount it, where davit runs in a container.
[[nodiscard]] Result<std::unique_ptr<catalog::exported::ExportedFile>> open_backup_file(const std::string& path,
                                                                                        RunContext& run);
// What is to be done where such a file can't be opened.
[[nodiscard]] Error with_mount_hint(Error error, const std::string& path);

}  // namespace davit::cli
