#pragma once
// What FakeEngine knows. Objects are kept as the JSON that a real Engine would answer, and read by the same decoders.

#include <set>

#include "support/fake_engine.hpp"
#include "support/tar.hpp"

namespace davit::test {

struct FakeContainer {
  nlohmann::json inspected;
  nlohmann::json created;                       // the body of its creation
  std::map<std::string, TarMember> files = {};  // by path
  std::vector<std::pair<std::string, std::string>> put = {};
};

struct FakeExec {
  engine::ExecSpec spec;
  std::string container;
  bool started = false;
  std::optional<int> exit_code;
};

class FakeEngine::State {
 public:
  mutable std::recursive_mutex mutex;
  TemporaryDirectory root;
  std::map<std::string, FakeContainer> containers;  // by id
  std::map<std::string, nlohmann::json> volumes;    // by name
  std::map<std::string, nlohmann::json> networks;   // by name
  std::map<std::string, nlohmann::json> images;     // by reference
  std::vector<std::string> pullable;
  std::map<std::string, FakeExec> execs;
  std::set<std::string> anonymous;  // names of volumes that go with their container
  std::uint64_t ids = 0;

  EngineFaults faults;
  std::uint64_t operations = 0;
  bool failed = false;
  std::vector<std::string> log;
  std::function<void()> on_death;

  [[nodiscard]] bool dead() const { return failed && faults.dead_after; }

  // Runs `effect` as one operation. The lock is held meanwhile.
  template <class Effect>
  auto operation(std::string what, Effect effect) -> decltype(effect()) {
    const std::scoped_lock lock(mutex);
    const bool was_dead = dead();
    const bool fault = ++operations == faults.fail_at && !was_dead;
    log.push_back(what);
    if (was_dead || (fault && !faults.after_effect)) {
      if (fault) happen();
      return fail(faults.code, what + ": the fault of the test");
    }
    auto result = effect();
    if (fault) happen();
    if (fault) return fail(faults.code, what + ": the fault of the test, behind its effect");
    return result;
  }

  void happen() {
    failed = true;
    if (faults.dead_after && on_death) on_death();
  }

  [[nodiscard]] std::string next_id();  // 64 hex digits
  // By id, by its beginning or by name; nullptr if there is none.
  [[nodiscard]] FakeContainer* find(const std::string& id);
  [[nodiscard]] Result<FakeContainer*> get(const engine::ContainerId& id);
  [[nodiscard]] std::string name_of(const engine::ContainerId& id);
  [[nodiscard]] std::string network_name(const std::string& network);  // by id or name; itself if there is none
  void make_volume(const std::string& name, const std::string& driver, const engine::Labels& options,
                   const engine::Labels& labels);
  void make_image(const std::string& reference, const engine::Labels& labels);
  [[nodiscard]] nlohmann::json mounts_of(const nlohmann::json& host_config);
};

void set_status(FakeContainer& container, const std::string& status, int exit_code = 0);
[[nodiscard]] std::string status_of(const FakeContainer& container);
[[nodiscard]] std::string name_of(const FakeContainer& container);
[[nodiscard]] nlohmann::json networks_of(const FakeContainer& container);  // by name; what it is connected to
// Whether `labels` (an object or null) has all of `wanted` ("name" or "name=value").
[[nodiscard]] bool has_labels(const nlohmann::json& labels, const std::vector<std::string>& wanted);
// The stream of a command that `play` answers.
[[nodiscard]] std::unique_ptr<engine::AttachedStream> make_command_stream(
    std::shared_ptr<FakeEngine::State> state, std::string exec_id, std::function<FakeOutcome(const FakeCommand&)> play);

}  // namespace davit::test
