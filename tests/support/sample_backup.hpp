#pragma once
// A small backup as `app` makes it, for driving storages through every fault.

#include <string>

#include "storage/storage.hpp"

namespace davit::test {

inline constexpr auto kSampleKey = "backups/shop/20261121T083000Z-4f2a";

// Stages, writes some artefacts piece by piece, and publishes them with their manifest.
[[nodiscard]] Result<> make_sample_backup(storage::Storage& storage, const std::string& run);

enum class Seen { nothing, whole };
// What the catalog shows of the sample. Errc::failed for anything between nothing and all of it: that must never be.
[[nodiscard]] Result<Seen> look_for_sample_backup(const storage::StorageReader& storage);

}  // namespace davit::test
