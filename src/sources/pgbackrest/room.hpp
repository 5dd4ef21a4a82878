#pragma once
// Whether a second cluster finds room beside the first, which stays until the new one runs.

#include "sources/pgbackrest/data_swap.hpp"

namespace davit::sources {

// What a cluster of so many bytes takes, with the segments that its recovery may fetch.
[[nodiscard]] std::uint64_t room_for_cluster(std::uint64_t bytes);
// Errc::failed if that is more than there is.
[[nodiscard]] Result<> check_room(const DataSwap::Space& space, std::uint64_t bytes);

}  // namespace davit::sources
