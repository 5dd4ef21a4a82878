#pragma once
// The bucket and the directory that the commands of `davit pg` use. How the bucket's server is reached is said by the
// options of all commands (--endpoint and the like).

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/globals.hpp"
#include "storage/local/local_storage.hpp"
#include "storage/s3/options.hpp"
#include "storage/storage.hpp"

namespace davit::cli {

struct BucketFlags {
  std::string bucket;
  std::string access_key;
  std::string secret_key;
};
// Returns the option that names the bucket.
CLI::Option* add_bucket_flags(CLI::App& command, BucketFlags& flags);

// "backups", "backups/some/prefix", "s3://backups/some/prefix"
[[nodiscard]] Result<storage::s3::Location> bucket_location(const std::string& text);

// The directory of the dumps. Errors as of LocalStorage::open().
[[nodiscard]] Result<std::unique_ptr<storage::LocalStorage>> open_directory(const std::string& path,
                                                                            storage::LocalStorage::Access access);

// Tells if the secret key can be seen by others. Errors as of s3::open().
[[nodiscard]] Result<std::unique_ptr<storage::Storage>> open_bucket(Workbench& bench, const Globals& globals,
                                                                    const BucketFlags& flags);

// Where dumps of a server go: the directory, or else the bucket, or else `dumps/NAME` in the repository.
// Errc::usage if none is named, or two are.
[[nodiscard]] Result<std::unique_ptr<storage::Storage>> open_store(Workbench& bench, const Globals& globals,
                                                                   const std::string& directory,
                                                                   const BucketFlags& bucket, const std::string& name);

// Clears away what dead runs have left in it, and notes it. REQUIRES: it may be written to. That it can't be done is no
// reason not to go on, and only logged.
void sweep_store(storage::Storage& storage, const RunContext& run);

}  // namespace davit::cli
