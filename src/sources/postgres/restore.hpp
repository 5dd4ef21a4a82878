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
#include "sources/postgres/swap.hpp"
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
  // Its way back is davit's to go, so that nobody else goes it.
  Result<bool> seal(RunContext&) override { return false; }
  Result<> finish(RunContext& run) override;
  Result<> rollback(RunContext& run) override;

 private:
  PostgresRestoration(Seat seat, const model::Item& item) : seat_(std::move(seat)), item_(item) {}

  void tidy(const std::vector<Database>& databases, RunContext& run) const;
  [[nodiscard]] Result<> drop_leftover(const std::string& name, RunContext& run) const;
  Result<> stage_globals(stream::ByteSource& plain, RunContext& run);
  Result<> stage_database(const model::Artefact& artefact, stream::ByteSource& plain, RunContext& run);
  Result<> fill(const model::Artefact& artefact, const std::string& fresh_name, stream::ByteSource& data,
                RunContext& run);
  Result<> make_directories(RunContext& run);
  Result<> drop_database(std::string_view name, RunContext& run);
  Result<> undo_swap(RunContext& run);
  Result<> drop_fresh(RunContext& run);
  Result<> undo_roles(RunContext& run);
  Result<> remove_directories(RunContext& run);
  [[nodiscard]] const Server& server() const { return seat_.server(); }

  Seat seat_;
  const model::Item item_;
  std::string maintenance_;  // a database that isn't restored, for statements on the others
  Globals globals_;
  std::vector<std::string> made_directories_;  // for tablespaces, each before those above it
  std::string roles_before_;
  std::vector<Replacement> replacements_;
  bool swap_begun_ = false;
  bool swap_answered_ = false;  // it has ended, well or not
};

}  // namespace davit::sources
