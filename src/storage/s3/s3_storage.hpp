#pragma once
// A repository below a prefix of a bucket of any S3-compatible server. docs/format.md says which objects it makes.
//
// The contract of storage.hpp, and:
// - Objects stream from and to the server in parts, several at once, with bounded memory and nothing on disk. Every
//   request that may be repeated is, with jitter; a download that was cut goes on where it ended.
// - Each part carries its SHA-256, which the server checks before it takes it.
// - "Never replaced" holds between writers at the same moment where the server honours `If-None-Match: *`, which is
//   tried before the first object is written. Elsewhere it is looked whether the object exists just before it is
//   stored, which `-v` says.
// - A set is seen when it is published: until then its objects are uploads that are not completed, or in memory.
// - What a dead run leaves are such uploads, or objects without the last one of their set, and a lease below
// `.current/`, which sweep() finds.
//
// Errors besides the contract's: Errc::credentials (wrong keys, no permission, a clock that is wrong), Errc::not_found
// (no such bucket), Errc::usage (another region), Errc::unavailable.

#include <memory>

#include "storage/s3/options.hpp"
#include "storage/storage.hpp"
#include "util/clock.hpp"

namespace davit::storage::s3 {

// Asks the server for the bucket, so that a wrong name, key or region shows here. REQUIRES: `clock` outlives it.
[[nodiscard]] Result<std::unique_ptr<Storage>> open(Options options, const Clock& clock);

}  // namespace davit::storage::s3
