#pragma once
// Services on an Engine in memory, and the plan of a backup that holds them.

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "app/quiesce/holds.hpp"
#include "support/fake_engine.hpp"
#include "support/memory_journal.hpp"
#include "support/quiet_run.hpp"

namespace davit::test {

using Names = std::vector<std::string>;

// A clock that passes as fast as it is slept on.
struct FastClock : Clock {
  mutable std::atomic<std::int64_t> slept{0};  // ms
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return Clock::steady() + std::chrono::milliseconds(slept.load());
  }
  void sleep_for(std::chrono::milliseconds duration) const override {
    slept += duration.count();
    std::this_thread::yield();
  }
};

// The Engine, which refuses what a test wants.
struct StubbornEngine : FakeEngine {
  std::atomic<int> refuse_pauses{0};    // so many are refused, as one that is under load does
  std::atomic<int> refuse_unpauses{0};  // likewise
  std::atomic<int> refuse_execs{0};
  std::function<void()> on_inspect = [] {};
  bool lose_stops = false;  // the answer to a stop is lost, and the service ends by itself later
  Result<> stop_container(const engine::ContainerId& id, std::optional<std::chrono::seconds> grace) override {
    if (lose_stops) return fail(Errc::unavailable, "the connection is gone");
    return FakeEngine::stop_container(id, grace);
  }
  Result<engine::ContainerInfo> inspect_container(const engine::ContainerId& id) override {
    on_inspect();
    return FakeEngine::inspect_container(id);
  }
  Result<std::string> create_exec(const engine::ContainerId& id, const engine::ExecSpec& spec) override {
    if (refuse_execs > 0 && refuse_execs-- > 0) return fail(Errc::unavailable, "no process can be made");
    return FakeEngine::create_exec(id, spec);
  }
  Result<> pause_container(const engine::ContainerId& id) override {
    if (refuse_pauses > 0 && refuse_pauses-- > 0) return fail(Errc::unavailable, "unable to freeze");
    return FakeEngine::pause_container(id);
  }
  Result<> unpause_container(const engine::ContainerId& id) override {
    if (refuse_unpauses > 0 && refuse_unpauses-- > 0) return fail(Errc::unavailable, "unable to thaw");
    return FakeEngine::unpause_container(id);
  }
};

struct HoldsBench {
  StubbornEngine engine;
  MemoryJournal journal;
  FastClock clock;
  QuietReporter reporter;
  std::stop_source stop;
  std::stop_source lost;
  RunContext run{.run_id = "0123456789abcdef", .clock = clock, .reporter = reporter, .stop = stop.get_token()};
  app::QuiescePlan plan;

  engine::ContainerId add(const std::string& service, int number = 1, const std::string& status = "running") {
    engine::ContainerInfo info;
    info.name = "shop-" + service + "-" + std::to_string(number);
    info.labels = {{"com.docker.compose.project", "shop"},
                   {"com.docker.compose.service", service},
                   {"com.docker.compose.container-number", std::to_string(number)}};
    info.state.status = status;
    return engine.add_container(info);
  }
  // Services in the order of starting; each depends on those before it.
  void service(const std::string& name, app::How how) {
    app::QuiescedService made{.name = name,
                              .how = how,
                              .order = static_cast<int>(plan.services.size()),
                              .max = {},
                              .needs = {},
                              .before = {},
                              .after = {}};
    for (const app::QuiescedService& other : plan.services) made.needs.push_back(other.name);
    plan.services.push_back(made);
  }
  void item(const std::string& name, std::vector<std::size_t> held, std::vector<std::size_t> touched = {}) {
    touched.insert(touched.end(), held.begin(), held.end());
    std::ranges::sort(touched);
    plan.items[{model::ItemKind::volume, name}] = {.held = std::move(held),
                                                   .touched = std::move(touched),
                                                   .consistency = model::Consistency::paused,
                                                   .findings = {}};
  }
  static model::Item volume(const std::string& name) {
    model::Item item;
    item.id = {model::ItemKind::volume, name};
    return item;
  }
  [[nodiscard]] std::unique_ptr<app::Holds> holds() {
    return std::make_unique<app::Holds>(app::Holds::Context{engine, journal, "shop", "", lost.get_token()}, plan, run);
  }
  // What was done to containers, without looking.
  [[nodiscard]] Names done() const {
    Names done;
    for (const std::string& line : engine.log())
      if (!line.starts_with("list_") && !line.starts_with("inspect_")) done.push_back(line);
    return done;
  }
  [[nodiscard]] Names statuses() const {
    Names statuses;
    for (const std::string& name : engine.container_names()) statuses.push_back(name + " " + engine.status_of(name));
    return statuses;
  }
};

}  // namespace davit::test
