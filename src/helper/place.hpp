#pragma once
// The work on a place itself, on an open directory: walking it into a tar, and replacing its contents so that it holds the
// old contents or the new ones. Runs inside the helper, knows nothing of containers or channels.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "helper/session.hpp"
#include "stream/byte_stream.hpp"

namespace davit::helper {

// Told how many plain bytes have been read or written since the last call. May fail, to stop the work (Errc::cancelled).
using Progress = std::function<Result<>(std::uint64_t bytes)>;

struct PackReport {
  std::uint64_t entries = 0;
  std::vector<Finding> findings;
};

[[nodiscard]] Result<Probe> probe_place(int directory, const std::vector<std::string>& paths);

// Writes a pax tar of the directory to `tar` and finishes it. Everything that the file system holds goes in; sockets are
// findings, and so is a file that changes, shrinks, vanishes or can't be read while it is packed: the archive stays whole.
// Mount points below the directory are not entered (a finding). Leftovers of a restore are left out (a finding).
[[nodiscard]] Result<PackReport> pack_place(int directory, const PackOptions& options, stream::ByteSink& tar,
                                            const Progress& progress);

// A restore in a place: staged in a directory of its own inside it (`.davit-restore-<run>`), then swapped by renames.
// What it does is journalled in that directory, so that rollback() works from any state, also by another process.
class RestoreArea {
 public:
  RestoreArea(int directory, std::string run_id);
  // Reads a tar to its verified end and unpacks it into the area, synced to stable storage.
  [[nodiscard]] Result<StageResult> stage(stream::ByteSource& tar, const std::vector<std::string>& paths,
                                          const Progress& progress);
  [[nodiscard]] Result<> commit();
  [[nodiscard]] Result<> rollback();
  [[nodiscard]] Result<> cleanup();

 private:
  int directory_;
  std::string run_id_;
  std::vector<std::string> paths_;
};

}  // namespace davit::helper
