#pragma once
// Bringing back a cluster: roles, then each database under a temporary name beside the old one, whose clients go on
// working; then all of them are swapped at once.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sources/postgres/globals.hpp"
#include "sources/postgres/inventory.hpp"
#include "sources/postgres/seat.hpp"
#include "sources/source.hpp"

namespace davit::sources {

class PostgresRestoration : public Restoration {
 public:
  // Starts the server where it doesn't run. Errc::credentials if its role is no superuser, Errc::failed if another
  // conflict that --replace can't solve has come up, such as a server of another version.
  [[nodiscard]] static Result<std::unique_ptr<Restoration>> begin(helper::Host& host, const model::Item& item,
                                                                  const Target& target, RunContext& run);

  Result<std::vector<Finding>> stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                     RunContext& run) override;
  Result<> commit(RunContext& run) override;
  // Its way back is davit's to go, or its guard's: there is no helper that would go it.
  Result<> hold(RunContext&) override { return {}; }
  Result<> seal(RunContext&) override { return {}; }
  Result<> finish(RunContext& run) override;
  Result<> rollback(RunContext& run) override;
  void leave() override { seat_.leave(); }

 private:
  PostgresRestoration(Seat seat, const model::Item& item, const Target& target, ClusterEntry entry)
      : seat_(std::move(seat)),
        item_(item),
        replace_(target.replace),
        journal_(target.journal),
        entry_(std::move(entry)) {}

  void tidy(const std::vector<Database>& databases, RunContext& run) const;
  [[nodiscard]] Result<> drop_leftover(const std::string& name, RunContext& run) const;
  Result<> stage_globals(stream::ByteSource& plain, RunContext& run);
  Result<> stage_database(const model::Artefact& artefact, stream::ByteSource& plain, RunContext& run);
  Result<> make_directories(RunContext& run);
  // What is about to be done stands in the journal.
  [[nodiscard]] Result<> record();
  [[nodiscard]] const Server& server() const { return seat_.server(); }

  Seat seat_;
  const model::Item item_;
  bool replace_;      // what holds something
  Journal* journal_;  // may be null
  ClusterEntry entry_;
  Globals globals_;
  bool swap_answered_ = false;  // it has ended, well or not
};

}  // namespace davit::sources
