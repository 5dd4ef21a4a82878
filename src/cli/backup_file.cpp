#include "cli/backup_file.hpp"

#include "helper/self_container.hpp"
#include "util/text.hpp"
#include "util/whole_file.hpp"

namespace davit::cli {

bool is_file(const std::string& backup) { return backup.contains('/') || backup.contains('.'); }

Result<BackupPlace> place_of(Workbench& bench, const std::string& backup) {
  if (backup == "-")
    return fail(Errc::usage, "a backup is read more than once, and standard input can be read once",
                "take it into a repository first (davit import -), or name a file");
  if (!is_file(backup)) {
    TRY_ASSIGN(storage, bench.storage(Workbench::Use::read));
    return BackupPlace{storage, backup};
  }
  TRY_ASSIGN(file, open_backup_file(backup, bench.run()));
  const storage::StorageReader* storage = file.get();
  std::string id = file->entry().id;
  return BackupPlace{storage, std::move(id), std::move(file)};
}

Error with_mount_hint(Error error, const std::string& path) {
  if (error.code() != Errc::not_found) return error;
  const auto mountinfo = read_whole_file("/proc/self/mountinfo");
  if (!mountinfo || !helper::container_in_mountinfo(*mountinfo)) return error;
  const std::string shown = escape_for_display(path);
  return std::move(error).hint_if_none("davit runs in a container, and sees what is mounted there: -v /path/of/it:" +
                                       (shown.starts_with('/') ? shown : "/" + shown) + ":ro, and that path");
}

Result<std::unique_ptr<catalog::exported::ExportedFile>> open_backup_file(const std::string& path, RunContext& run) {
  auto opened = catalog::exported::ExportedFile::open(path, run);
  if (!opened) return std::unexpected(with_mount_hint(std::move(opened).error(), path));
  return opened;
}

}  // namespace davit::cli
