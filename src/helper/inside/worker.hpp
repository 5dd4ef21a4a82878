#pragma once
// The helper's main loop: takes jobs from the channel, does them on an open directory, and answers. It is the guard of
// an unfinished restore: whatever ends the loop, the old contents are back when it returns, unless it was told to hold
// the restore as it is, since a journal elsewhere says from then on which way it goes.

#include <memory>
#include <stop_token>

#include "helper/channel/link.hpp"
#include "helper/channel/message.hpp"
#include "helper/place/place.hpp"

namespace davit::helper {

class Worker {
 public:
  // REQUIRES: `directory` and `link` outlive it. `stop` ends any job but a commit, rollback or cleanup that has begun.
  Worker(Link& link, int directory, std::stop_token stop);
  ~Worker();

  // Until davit says bye. An error if the channel ended in another way, or if a roll-back failed.
  [[nodiscard]] Result<> run();
  // True once a restore was finished or is held here: what was made for it stays.
  [[nodiscard]] bool restored() const { return restored_ || (held_ && area_ != nullptr); }

 private:
  [[nodiscard]] Result<> serve_jobs();
  [[nodiscard]] Result<> answer(const Result<nlohmann::json>& outcome);
  [[nodiscard]] Result<nlohmann::json> perform(const Job& job);
  [[nodiscard]] Result<nlohmann::json> pack(const Job& job);
  // Takes all data, also when it fails, so that the next frame is davit's ack.
  [[nodiscard]] Result<> stage(const Job& job);
  [[nodiscard]] Result<nlohmann::json> finish_restore(Job::Kind how);
  [[nodiscard]] Result<> send_findings(const std::vector<Finding>& findings);
  // A Progress that tells davit, a few times a second, and ends the work when it must end.
  [[nodiscard]] Progress progress();

  Link& link_;
  int directory_;
  std::stop_token stop_;
  std::unique_ptr<RestoreArea> area_;  // of a restore that is neither cleaned up nor rolled back
  bool staged_ = false;                // it is whole, and may be committed
  bool held_ = false;                  // whoever reads the run's journal says which way it goes, and not we
  bool restored_ = false;
};

}  // namespace davit::helper
