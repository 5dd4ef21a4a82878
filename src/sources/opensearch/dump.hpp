#pragma once
// Backing up a search cluster: one snapshot into davit's own repository, and a tar of the files that it needs.

#include "sources/opensearch/plan.hpp"

namespace davit::sources {

struct SnapshotOwner {
  std::string stack;
  std::string backup;  // its id
};
// Corrects the item: counts of documents, shards, what the snapshot is called.
[[nodiscard]] Result<std::vector<Finding>> dump_search(helper::Host& host, const SearchSeat& seat,
                                                       const SnapshotOwner& owner, const SearchOptions& options,
                                                       model::Item& item, model::Artefact& artefact,
                                                       const stream::Encoding& encoding, stream::ByteSink& stored,
                                                       RunContext& run);

}  // namespace davit::sources
