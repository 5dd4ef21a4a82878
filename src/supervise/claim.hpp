#pragma once
// Whose a data directory is, among wrappers. A container's own process numbers say nothing of servers in others, so a
// postmaster.pid that looks stale may be that of a server next door: such as the one of `db` itself while somebody
// looks around in `docker compose run db`. A wrapper therefore holds a lock (flock) on the directory as long as it
// lives, which the kernel takes away with it, however it ends.

#include <string>

#include "util/unique_fd.hpp"

namespace davit::supervise {

class DirectoryClaim {
 public:
  enum class Holder { us, another, unknown };
  // Takes it, unless it is held already. `unknown`: there is no such directory, or no locks there.
  Holder take(const std::string& directory);

 private:
  UniqueFd lock_;
};

}  // namespace davit::supervise
