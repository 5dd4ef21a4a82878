#pragma once
// Putting a restored cluster into the place of the old one, and taking that back. Both lie below the data directory, in
// `.davit-restore`, so that a data directory that is a mount point needs nothing beside it, and every step is a rename;
// the same goes for the location of each tablespace. The old cluster stays as it is until the new one is whole.
//
// `.davit-restore/step` says how far it is. Whatever is killed at whatever moment, undo() leads back to the old files
// until finish() has begun. While files are being exchanged there is no `global` directory, so no server starts on a
// mixture, and PG_VERSION is never missing, so no image makes a new cluster there. Nor are files taken from a
// server that was started meanwhile, such as by the guard when davit died with a step under way.

#include <string>
#include <vector>

#include "sources/pgbackrest/cluster.hpp"
#include "sources/pgbackrest/stanza.hpp"

namespace davit::sources {

class DataSwap {
 public:
  explicit DataSwap(const Cluster& cluster) : cluster_(cluster) {}

  // Where the new cluster is to be restored, and the tablespace of that location.
  [[nodiscard]] std::string fresh_directory() const;
  [[nodiscard]] static std::string fresh_directory(const Tablespace& tablespace);

  enum class State { none, begun, restoring, swapped, between, done };
  // What a dead run has left, after the end of what it has left at work there. `restoring`: the old files are in place;
  // `swapped`: the new ones are; `between`: neither; `done`: the new ones, and finish() had begun; `begun`: nothing but
  // the folder, of a run that was about to stop the server, or had come to its end.
  [[nodiscard]] Result<State> state(RunContext& run) const;
  // Errc::failed if something can't be put aside, such as a directory of it that is a mount of its own.
  [[nodiscard]] Result<> check(RunContext& run) const;
  // Errc::locked if a davit inside the container restores there (supervise::hold_restore_name()).
  [[nodiscard]] Result<> check_nobody_inside(RunContext& run) const;
  // Errc::locked if something is at work for a restore there, of whoever began it, dead or alive.
  [[nodiscard]] Result<> check_idle(RunContext& run) const;
  // Bytes that are free where the data directory is, and bytes that it holds.
  struct Space {
    std::uint64_t free = 0;
    std::uint64_t used = 0;
  };
  [[nodiscard]] Result<Space> space(RunContext& run) const;

  // Makes sure that somebody who finds the server stopped can see why. REQUIRES: state() is none.
  [[nodiscard]] Result<> announce(RunContext& run) const;
  // Makes the empty directories for the new cluster; `copy`: with the old one's files in them, tablespaces excepted.
  // REQUIRES: no server runs.
  [[nodiscard]] Result<> begin(const std::vector<Tablespace>& tablespaces, bool copy, RunContext& run) const;
  // REQUIRES: the new cluster is whole, and no server runs.
  [[nodiscard]] Result<> exchange(RunContext& run) const;
  // Leads back to the old files from wherever it is. REQUIRES: no server runs, unless state() is `restoring`.
  [[nodiscard]] Result<> undo(RunContext& run) const;
  // Removes what is left behind undo(); a server may run.
  [[nodiscard]] Result<> clear(RunContext& run) const;
  // Removes the old files; a server may run.
  [[nodiscard]] Result<> finish(RunContext& run) const;

 private:
  [[nodiscard]] Result<engine::CommandText> perform(const std::vector<std::string>& arguments, RunContext& run) const;
  [[nodiscard]] Result<std::string> call(const std::vector<std::string>& arguments, std::string_view doing,
                                         RunContext& run) const;
  [[nodiscard]] Result<bool> is_free(const char* task, RunContext& run) const;
  // What a server that was killed has left, so that the lock of one that somebody starts can be told from it.
  [[nodiscard]] Result<std::string> lock(RunContext& run) const;
  const Cluster& cluster_;
};

}  // namespace davit::sources
