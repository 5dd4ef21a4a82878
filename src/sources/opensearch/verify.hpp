#pragma once
// The deep check of a search artefact, without a server.

#include "sources/source.hpp"

namespace davit::sources {

// Reads the tar to its verified end, and holds it against the repository's own list: the newest index-N has the item's
// snapshot, with the indices that the manifest names, and the files of it are there. Errc::corrupt.
[[nodiscard]] Result<> verify_search(const model::Item& item, const model::Artefact& artefact,
                                     stream::ByteSource& stored, RunContext& run);

}  // namespace davit::sources
