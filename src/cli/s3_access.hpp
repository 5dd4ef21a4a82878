#pragma once
// Opening a place in S3 with what the user said of how it is reached.

#include <memory>

#include "cli/globals.hpp"
#include "storage/s3/options.hpp"

namespace davit::cli {

// `settings` are those of the globals, or go before them; then come the variables. Errors as of s3::resolve() and
// s3::open(). REQUIRES: `clock` outlives the storage.
[[nodiscard]] Result<std::unique_ptr<storage::Storage>> open_s3(const Globals& globals,
                                                                const storage::s3::Location& location,
                                                                storage::s3::Settings settings, const Clock& clock);

}  // namespace davit::cli
