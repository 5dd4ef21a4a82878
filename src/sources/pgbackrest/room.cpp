#include "sources/pgbackrest/room.hpp"

#include "util/text.hpp"

namespace davit::sources {

std::uint64_t room_for_cluster(std::uint64_t bytes) { return bytes + (std::uint64_t{128} << 20U); }

Result<> check_room(const DataSwap::Space& space, std::uint64_t bytes) {
  const std::uint64_t wanted = room_for_cluster(bytes);
  if (space.free >= wanted) return {};
  return fail(Errc::failed,
              "there is no room for a second cluster beside the old one, which stays until the new one runs: " +
                  render_bytes(wanted) + " are needed, and " + render_bytes(space.free) + " are free",
              "make room on the file system of the data directory");
}

}  // namespace davit::sources
