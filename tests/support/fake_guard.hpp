#pragma once
// A guard without a container: its journal is in memory, and it can be lost.

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "helper/guard/guard.hpp"
#include "helper/guard/rescue_report.hpp"

namespace davit::test {

// What outlives the guard.
struct GuardState {
  helper::JournalEntries entries;
  std::vector<std::string> log;  // "record KEY", "strike KEY", "release"
  bool held = false;             // the lock is taken
  bool waited = false;           // what the next guard says of itself
  std::stop_source lost;
  std::function<Result<>(std::string_view what)> fault;         // asked before each thing of `log` is done
  std::function<Result<>(std::string_view what)> fault_behind;  // and behind it: its answer may be lost
};

class FakeGuard : public helper::Guard {
 public:
  explicit FakeGuard(GuardState& state) : state_(state) { state_.held = true; }
  ~FakeGuard() override { state_.held = false; }

  Result<> record(std::string_view key, const nlohmann::json& entry) override {
    TRY(begin("record " + std::string(key)));
    const auto known = std::ranges::find(state_.entries, key, [](const auto& pair) { return pair.first; });
    if (known == state_.entries.end())
      state_.entries.emplace_back(key, entry);
    else
      known->second = entry;
    return answer("record");
  }
  Result<> strike(std::string_view key) override {
    TRY(begin("strike " + std::string(key)));
    std::erase_if(state_.entries, [key](const auto& pair) { return pair.first == key; });
    return answer("strike");
  }
  Result<> check() override {
    if (state_.lost.stop_requested()) return fail(Errc::failed, "the guard is lost");
    return {};
  }
  std::stop_token lost() const override { return state_.lost.get_token(); }
  bool waited() const override { return state_.waited; }
  Result<> release() override {
    TRY(begin("release"));
    if (!state_.entries.empty()) return fail(Errc::bug, "release the guard: its journal is not empty");
    return answer("release");
  }

 private:
  [[nodiscard]] Result<> begin(const std::string& what) {
    TRY(check());
    if (state_.fault) TRY(state_.fault(what));
    state_.log.push_back(what);
    return {};
  }
  Result<> answer(std::string_view what) { return state_.fault_behind ? state_.fault_behind(what) : Result<>(); }
  GuardState& state_;
};

// One run at a time has the lock of `state`.
inline helper::AcquireGuard fake_guards(GuardState& state) {
  return [&state](const std::string& stack, RunContext&) -> Result<std::unique_ptr<helper::Guard>> {
    if (state.held) return fail(Errc::locked, "stack " + stack + " is in the hands of another run");
    return std::make_unique<FakeGuard>(state);
  };
}

}  // namespace davit::test
