#pragma once
// Holding services while their data is read, and letting go of each as soon as its last item has been read. Whatever is
// held is in the journal before; whoever ends a run in whatever way ends all holds: finish(), abandon() or the
// destructor, and, at the end of a service's time or when the run is to stop, a thread that watches.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "app/quiesce/plan.hpp"
#include "app/quiesce/put_back.hpp"
#include "catalog/manifest.hpp"
#include "engine/engine.hpp"
#include "util/journal.hpp"
#include "util/run_context.hpp"

namespace davit::app {

class Holds {
 public:
  struct Context {
    engine::Engine& engine;
    Journal& journal;
    std::string project;
    std::string self = {};      // id of davit's own container
    std::stop_token lost = {};  // requested when nobody would put things right any more
  };
  // REQUIRES: what it is given outlives it.
  Holds(Context context, QuiescePlan plan, RunContext& run);
  ~Holds();
  Holds(const Holds&) = delete;
  Holds& operator=(const Holds&) = delete;

  // Right before an item is read: runs the hooks that are due, and holds whom it needs. A service that can't be held is
  // a finding of end(), or an error where all must be held.
  [[nodiscard]] Result<> begin(const model::Item& item);
  // The item was read to its end: says in which state, and lets go of whom no other item needs.
  [[nodiscard]] Result<> end(model::Item& item);
  // Everything was read: lets go of everything, runs what hooks are due, and waits until services that were stopped are
  // healthy. An error names what could not be started again; it stays in the journal.
  [[nodiscard]] Result<> finish();
  // The same after an error, which is returned with what could not be put right.
  [[nodiscard]] Error abandon(Error error);

  // Since the last call.
  [[nodiscard]] std::vector<Finding> take_findings();
  // Who was held, how and for how long, in the order of starting.
  [[nodiscard]] std::vector<catalog::HeldRecord> held() const;

 private:
  enum class State { idle, holding, held, released };
  struct Slot {
    const QuiescedService* service = nullptr;
    State state = State::idle;
    std::size_t left = 0;          // items that are yet to be read, and need it held
    std::size_t left_touched = 0;  // and those that its hooks belong to
    bool opened = false;           // its hooks have begun
    bool after_due = false;
    std::string not_held;  // why it isn't, or is no more; empty: nothing to tell
    std::vector<HeldContainer> containers;
    std::chrono::steady_clock::time_point since;
    std::chrono::milliseconds took{0};
    bool was_held = false;
    bool started = false;  // it was stopped, and runs again: its health is to be seen
  };
  enum class Outcome { held, gone, refused };

  [[nodiscard]] Result<> check() const;
  [[nodiscard]] Result<> open(Slot& slot);
  [[nodiscard]] Result<> hold(Slot& slot);
  [[nodiscard]] Result<Outcome> hold_container(Slot& slot, HeldContainer held, std::string& why);
  [[nodiscard]] Result<> look_again(Slot& slot);
  [[nodiscard]] Result<> release(Slot& slot);  // REQUIRES: the lock
  void release_all(std::vector<std::string>& failures, Errc& code);
  [[nodiscard]] bool may_start(const Slot& slot) const;
  [[nodiscard]] Result<> release_ready();
  void run_after(Slot& slot);
  void wait_healthy(const QuiescedService& service);
  void watch(const std::stop_token& end);
  void add_finding(std::string item, std::string what);

  Context context_;
  QuiescePlan plan_;
  RunContext& run_;
  mutable std::mutex mutex_;
  std::vector<Slot> slots_;  // as plan_.services
  std::vector<Finding> findings_;
  std::condition_variable_any woken_;
  std::jthread watch_;  // last: it uses the rest
};

}  // namespace davit::app
