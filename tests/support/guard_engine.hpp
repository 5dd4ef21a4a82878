#pragma once
// A FakeEngine whose guards are threads of the test: a guard that is started runs helper::keep_guard() on a directory
// of its own, with a socket for its attached streams. So it can be stopped, killed, removed and started anew like a
// real one.

#include <map>
#include <thread>

#include "helper/guard/keep.hpp"
#include "support/fake_engine.hpp"

namespace davit::test {

class GuardEngine : public FakeEngine {
 public:
  GuardEngine();
  ~GuardEngine() override;

  // What a guard does to put right; by default it settles everything, and says "did KEY" for each.
  std::function<helper::RescueReport(const helper::JournalEntries&)> on_rescue;
  // Whether it reaches the Engine.
  std::function<Result<>()> on_reach;
  // Whether their logs can be read.
  std::function<Result<>()> on_logs = [] { return Result<>(); };
  // Shorter times for the guards that are started from now on.
  std::chrono::milliseconds silence{30000};

  // SIGKILL: it ends, and what it has on its disk stays.
  void kill_guard(const std::string& name);
  // Waits until the container has ended or is gone. False after 10 s.
  [[nodiscard]] bool wait_for_end(const std::string& name);
  [[nodiscard]] std::filesystem::path directory_of(const std::string& name);

  Result<> stop_container(const engine::ContainerId& id, std::optional<std::chrono::seconds> grace) override;
  Result<> remove_container(const engine::ContainerId& id, bool volumes) override;
  Result<std::string> container_logs(const engine::ContainerId& id, int tail_lines) override;

 private:
  struct Keeper;
  [[nodiscard]] std::shared_ptr<Keeper> keeper_of(const engine::ContainerId& id);
  void end(const std::shared_ptr<Keeper>& keeper);
  std::mutex keepers_mutex_;
  std::map<std::string, std::shared_ptr<Keeper>> keepers_;  // by id
};

}  // namespace davit::test
