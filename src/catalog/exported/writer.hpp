#pragma once
// Writes a backup as one file: docs/format.md, "One file". The same backup gives the same bytes.

#include <cstdint>

#include "catalog/catalog.hpp"
#include "storage/storage.hpp"
#include "stream/byte_stream.hpp"
#include "util/run_context.hpp"

namespace davit::catalog::exported {

// Streams the backup into `sink`, which is finished at the end; returns the number of bytes. Every artefact is held
// against the manifest: its length before the first byte is written, its digest as it passes. Errc::corrupt for one
// that is damaged or missing: `sink` is not finished then, and whoever reads what it got sees that it is cut.
[[nodiscard]] Result<std::uint64_t> write(const storage::StorageReader& storage, const Entry& entry,
                                          stream::ByteSink& sink, RunContext& run);

}  // namespace davit::catalog::exported
