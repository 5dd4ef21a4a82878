#pragma once
// The restorations of one restore that have begun, so that all of them end alike: as the new state or as the old one.

#include <memory>
#include <string>
#include <vector>

#include "sources/source.hpp"
#include "util/journal.hpp"
#include "util/run_context.hpp"

namespace davit::app {

inline constexpr const char* kDecided = "decided";  // the journal's entry, its key and its kind

class Restorations {
 public:
  // Whether a server of ours may stand on what is restored, or work through the service's own, until it is finished.
  enum class Holds { nothing, server };
  // `what` it is of, for messages: "volume:uploads".
  sources::Restoration& add(std::string what, std::unique_ptr<sources::Restoration> restoration,
                            Holds holds = Holds::nothing);

  // The moment of truth: before it, the death of davit leads everything back, and behind it, on. All are rolled back,
  // or left, where it can't be had.
  [[nodiscard]] Result<> decide(Journal& journal, RunContext& run);

  // REQUIRES: it was decided. First the way back is given up for every item, and only then anything old is removed: so
  // an item that can't be finished is in the same state as the others, and keeps none of them from being finished.
  [[nodiscard]] Result<> finish(RunContext& run);
  // Whether one that holds a server could not be finished: no service may be started beside that.
  [[nodiscard]] bool holds_server() const { return holds_server_; }

  // Leads everything back in reverse order, even when asked to stop, and returns `error` with what could not be undone.
  [[nodiscard]] Error roll_back(Error error, const RunContext& run);

 private:
  struct Member {
    std::string what;
    std::unique_ptr<sources::Restoration> restoration;
    Holds holds;
  };
  [[nodiscard]] Result<> hold(RunContext& run);
  void leave();  // to whoever reads the journal

  std::vector<Member> members_;
  bool holds_server_ = false;
};

}  // namespace davit::app
