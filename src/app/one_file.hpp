#pragma once
// The use cases of `davit export` and `davit import`: a backup as one file, out of a repository and into one.

#include <cstdint>
#include <string>

#include "catalog/catalog.hpp"
#include "storage/storage.hpp"
#include "stream/byte_stream.hpp"
#include "util/run_context.hpp"

namespace davit::app {

struct Transferred {
  catalog::Entry entry;
  std::uint64_t bytes = 0;  // of the file
  bool was_there = false;   // import: the repository had the same backup already
};

// Writes the backup (see catalog::find) into `sink`, and finishes it. Errc::corrupt, and `sink` is not finished, if any
// of its bytes is not what it was when it was made.
[[nodiscard]] Result<Transferred> export_backup(const storage::StorageReader& storage, const std::string& stack,
                                                const std::string& backup, stream::ByteSink& sink, RunContext& run);

// Takes the backup of a file, which errors call `name`, into the repository. It is there when all of it was read and
// verified, and not before; after an error nothing of it is. A backup that is there already stays as it is: that is no
// error if it has the same manifest and all of its artefacts, and Errc::exists otherwise.
[[nodiscard]] Result<Transferred> import_backup(stream::ByteSource& file, const std::string& name,
                                                storage::Storage& storage, RunContext& run);

}  // namespace davit::app
