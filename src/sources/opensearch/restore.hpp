#pragma once
// Bringing back a search cluster's indices through its running server: the backup's files are placed in its snapshot
// directory and registered as a repository that nobody writes to; what is in the way is saved and deleted; the indices
// are restored and their documents counted.

#include <memory>
#include <optional>

#include "sources/opensearch/check.hpp"
#include "sources/opensearch/directory.hpp"
#include "sources/opensearch/search_entry.hpp"
#include "sources/opensearch/selection.hpp"
#include "sources/source.hpp"

namespace davit::sources {

class SearchRestoration : public Restoration {
 public:
  // Errc::exists if something stands in the way, which is looked at again.
  [[nodiscard]] static Result<std::unique_ptr<Restoration>> begin(helper::Host& host, const model::Item& item,
                                                                  const Target& target, const SearchOptions& options,
                                                                  RunContext& run);

  Result<std::vector<Finding>> stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                     RunContext& run) override;
  Result<> commit(RunContext& run) override;
  // Its way back is davit's to go, or its guard's.
  Result<> hold(RunContext&) override { return {}; }
  Result<> seal(RunContext&) override { return {}; }
  Result<> finish(RunContext& run) override;
  Result<> rollback(RunContext& run) override;
  void leave() override { session_.reset(); }

 private:
  SearchRestoration(helper::Host& host, const model::Item& item, const Target& target, SearchClient client,
                    SearchDirectory directory, SearchSelection selection, std::string prefix)
      : host_(host),
        item_(item),
        replace_(target.replace),
        journal_(target.journal),
        client_(std::move(client)),
        directory_(std::move(directory)),
        selection_(std::move(selection)),
        prefix_(std::move(prefix)) {}

  [[nodiscard]] Result<> register_copy(RunContext& run);
  [[nodiscard]] Result<> recover(RunContext& run);
  [[nodiscard]] Result<> compare_documents(RunContext& run);
  [[nodiscard]] Result<> record();
  [[nodiscard]] Result<> clear_away(RunContext& run);

  helper::Host& host_;
  const model::Item item_;
  bool replace_;
  Journal* journal_;  // may be null
  SearchClient client_;
  SearchDirectory directory_;
  SearchSelection selection_;
  std::string prefix_;
  SearchEntry entry_;
  std::optional<helper::Session> session_;
};

}  // namespace davit::sources
