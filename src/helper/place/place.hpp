#pragma once
// The work on a place itself, on an open directory: walking it into a tar, and replacing its contents so that it holds
// the old contents or the new ones. Runs inside the helper, knows nothing of containers or channels.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "helper/place/step_hook.hpp"
#include "helper/session.hpp"
#include "stream/byte_stream.hpp"

namespace davit::helper {

// Told how many plain bytes have been read or written since the last call. May fail, to stop the work
// (Errc::cancelled).
using Progress = std::function<Result<>(std::uint64_t bytes)>;

struct PackReport {
  std::uint64_t entries = 0;
  std::vector<Finding> findings;
};

[[nodiscard]] Result<Probe> probe_place(int directory, const std::vector<std::string>& paths,
                                        std::optional<DirectoryId> repository = {});

// Writes a pax tar of the directory to `tar` and finishes it. Everything that the file system holds goes in; sockets
// are findings, and so is a file that changes, shrinks, vanishes or can't be read while it is packed: the archive stays
// whole. Mount points below the directory are not entered (a finding). Leftovers of a restore are left out (a finding).
[[nodiscard]] Result<PackReport> pack_place(int directory, const PackOptions& options, stream::ByteSink& tar,
                                            const Progress& progress);

// Removes a directory of the place that is empty. Anything else stays, and so does nothing at all.
[[nodiscard]] Result<> remove_empty(int directory, const std::string& path);

// A restore in a place: staged in a directory of its own inside it (`.davit-restore-<run>`), then swapped by renames.
// What it does is journalled in that directory, so that each step may be done by another process than the one before,
// and rollback() works from any state, also after a crash in the middle of any step. `lost+found` at the top of the
// place stays where it is, and mount points inside what would be swapped are refused. Two processes may be at work on
// one area, such as the helper of a davit that hangs and that of its guard: each step waits until the other's has
// ended.
class RestoreArea {
 public:
  // REQUIRES: `directory` is open for reading, and stays so. `hook`: see step_hook.hpp.
  RestoreArea(int directory, std::string run_id, StepHook hook = {});
  // Reads a tar to its verified end and unpacks it into the area, synced to stable storage. On an error nothing of it
  // stays. `tar` is read from another thread than `progress` is called from, and after an error perhaps further than
  // what failed. A path that the archive does not have is a finding, and left as it is in the place. Refused while the
  // place holds another area: roll that one back first.
  [[nodiscard]] Result<StageResult> stage(stream::ByteSource& tar, const std::vector<std::string>& paths,
                                          const Progress& progress);
  // REQUIRES: stage() succeeded (Errc::bug otherwise). After an error the place holds a mix: rollback() mends it.
  [[nodiscard]] Result<> commit();
  // The old contents, and the root's own attributes, are as they were; the area is gone. With no area there is nothing
  // to do. Once seal() or cleanup() has begun there may be no way back: then it ends what cleanup() began.
  [[nodiscard]] Result<> rollback();
  // An error if it is not committed: Errc::failed if there is no area, since somebody has led the restore back.
  [[nodiscard]] Result<> check_committed() const;
  // From here on there is no way back. REQUIRES: commit() succeeded (Errc::bug otherwise). Fine if it was done before.
  // Errc::failed if there is no area: somebody has led the restore back.
  [[nodiscard]] Result<> seal();
  // seal(), and removes the old contents.
  [[nodiscard]] Result<> cleanup();

 private:
  int directory_;
  std::string run_id_;
  std::string name_;  // of the area
  StepHook hook_;
};

}  // namespace davit::helper
