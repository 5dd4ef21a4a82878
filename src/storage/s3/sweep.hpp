#pragma once
// Undoing what dead runs have left in a bucket.

#include <string>
#include <vector>

#include "storage/s3/requests.hpp"

namespace davit::storage::s3 {

// Aborts the uploads and removes the unpublished objects that the leases of dead runs below `root` (empty, or ending in
// "/") lead to, but for those of `alive`, and then the leases; a line for each run.
[[nodiscard]] Result<std::vector<std::string>> sweep_leases(const Client& client, const std::string& root,
                                                            const std::vector<std::string>& alive);

}  // namespace davit::storage::s3
