#pragma once
// The definition of the stack that every backup holds.

#include "catalog/catalog.hpp"
#include "sources/stack.hpp"
#include "storage/storage.hpp"

namespace davit::app {

// The key of an artefact's object.
[[nodiscard]] std::string object_key(const catalog::Entry& entry, const model::Artefact& artefact);
// Errc::corrupt where it is missing or damaged.
[[nodiscard]] Result<sources::Stack> load_definition(const storage::StorageReader& storage, const catalog::Entry& entry,
                                                     const catalog::Manifest& manifest);

}  // namespace davit::app
