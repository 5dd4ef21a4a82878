#pragma once
// A FakeEngine whose helper containers are real processes: a helper that is started is a child of the test that runs
// helper::serve() on the directory of its volume (or on the directory that it binds), with pipes for its attached
// streams. So it can be killed, stopped and cut off like a real one. When the Engine plays dead, so that davit is as if
// it had been killed, its ends of these pipes are closed as soon as it touches them. Other containers are what they are
// in a FakeEngine. REQUIRES: a process that may fork (no thread sanitizer).

#include <sys/types.h>

#include <condition_variable>
#include <thread>

#include "support/fake_engine.hpp"

namespace davit::test {

class HelperEngine : public FakeEngine {
 public:
  HelperEngine();
  ~HelperEngine() override;

  // True (the default): helpers can reach davit's socket. Otherwise they can't, as in another network namespace.
  bool reachable = true;
  // Helpers may be made with this network mode only; others are refused as with user namespaces. Empty: any.
  std::string only_network;
  // What runs instead of davit: writes this to stdout and exits with 3.
  std::string impostor;

  // SIGKILL to the newest helper, and waits until it is gone.
  void kill_helper();
  // The arguments of the newest helper.
  [[nodiscard]] std::vector<std::string> arguments() const;
  [[nodiscard]] std::vector<std::string> helper_names() const;

  Result<engine::ContainerId> create_container(const std::string& name, const nlohmann::json& body) override;
  Result<> put_archive(const engine::ContainerId& id, const std::string& path, std::string_view tar) override;
  Result<> stop_container(const engine::ContainerId& id, std::optional<std::chrono::seconds> grace) override;
  Result<> remove_container(const engine::ContainerId& id, bool volumes) override;

 private:
  struct Process;
  [[nodiscard]] Result<> start_helper(const engine::ContainerInfo& info);
  [[nodiscard]] Process* find(const engine::ContainerId& id);
  [[noreturn]] void run_child(Process& process, const std::vector<std::string>& arguments);
  void end(Process& process, int signal);
  TemporaryDirectory secrets_;  // what was put beside the helpers' binary, by the container's name
  std::vector<std::unique_ptr<Process>> processes_;
};

}  // namespace davit::test
