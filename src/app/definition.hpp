#pragma once
// Reading what a backup holds: its artefacts, and first of all the definition of the stack.

#include "catalog/catalog.hpp"
#include "sources/stack.hpp"
#include "storage/storage.hpp"

namespace davit::app {

// The key of an artefact's object.
[[nodiscard]] std::string object_key(const catalog::Entry& entry, const model::Artefact& artefact);
// The stored bytes of an artefact. Errc::corrupt where it is missing, Errc::usage where it is encrypted or rests on
// another backup, which a later davit may write and this one can't undo.
[[nodiscard]] Result<std::unique_ptr<stream::ByteSource>> open_artefact(const storage::StorageReader& storage,
                                                                        const catalog::Entry& entry,
                                                                        const model::Artefact& artefact);
// Errc::corrupt where it is missing or damaged.
[[nodiscard]] Result<sources::Stack> load_definition(const storage::StorageReader& storage, const catalog::Entry& entry,
                                                     const catalog::Manifest& manifest);

}  // namespace davit::app
