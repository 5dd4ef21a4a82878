#pragma once
// A set of objects in S3 that is seen when it is published. Until then its objects are uploads that are not completed;
// the small ones wait in memory.

#include <memory>
#include <string>

#include "storage/s3/lease.hpp"
#include "storage/s3/upload.hpp"
#include "storage/storage.hpp"

namespace davit::storage::s3 {

// So much of an object may wait in memory, and so much of a whole set.
inline constexpr std::size_t kWaitingObject = std::size_t{256} << 10U;
inline constexpr std::size_t kWaitingSet = std::size_t{4} << 20U;

// `root`: see sweep_leases().
[[nodiscard]] Result<std::unique_ptr<Publication>> begin_publication(std::shared_ptr<const Client> client,
                                                                     std::string root, std::string_view prefix,
                                                                     std::string_view run, Replacing replacing);

// The name of the object of a key below `root`. Errc::usage if that is longer than S3 allows.
[[nodiscard]] Result<std::string> name_of_key(std::string_view root, std::string_view key);

}  // namespace davit::storage::s3
