#include "app/quiesce/holds.hpp"

#include <algorithm>
#include <format>
#include <ranges>

#include "app/quiesce/hook.hpp"
#include "app/quiesce/service_containers.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto kPauseTime = 2s;  // the Engine refuses to freeze a container that is just starting something
constexpr auto kPauseInterval = 200ms;
constexpr int kAttempts = 5;  // to let go of a service, whatever the Engine says
constexpr auto kAttemptInterval = 300ms;
constexpr auto kHealthTime = 60s;
constexpr auto kHealthInterval = 250ms;
constexpr auto kWatchInterval = 100ms;

std::string shown(const QuiescedService& service) { return "service " + escape_for_display(service.name); }

// What a person types who finds it held.
std::string by_hand(const HeldContainer& held) {
  const std::string verb = held.how == How::pause ? "unpause" : "start";
  return "docker " + verb + " " + engine::short_id(held.id.value);
}

}  // namespace

Holds::Holds(Context context, QuiescePlan plan, RunContext& run)
    : context_(std::move(context)), plan_(std::move(plan)), run_(run), slots_(plan_.services.size()) {
  findings_ = plan_.findings;
  for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i].service = &plan_.services[i];
  for (const auto& [item, quiesce] : plan_.items) {
    for (const std::size_t service : quiesce.held) ++slots_[service].left;
    for (const std::size_t service : quiesce.touched) ++slots_[service].left_touched;
  }
  if (std::ranges::any_of(plan_.services, [](const QuiescedService& service) { return service.how != How::none; }))
    watch_ = std::jthread([this](const std::stop_token& end) { watch(end); });
}

Holds::~Holds() {
  std::vector<std::string> failures;
  Errc code = Errc::failed;
  release_all(failures, code);
  for (const std::string& failure : failures) log_warning(failure);
}

Result<> Holds::check() const {
  TRY(run_.check());
  if (context_.lost.stop_requested())
    return fail(Errc::failed, "the guard of this run is gone, and without it no service may be held", "try again");
  return {};
}

Result<> Holds::begin(const model::Item& item) {
  TRY(check());
  const auto quiesce = plan_.items.find(item.id);
  if (quiesce == plan_.items.end()) return {};
  // Those that depend on others come first, as when a stack is stopped.
  for (const std::size_t service : quiesce->second.touched | std::views::reverse) TRY(open(slots_[service]));
  for (const std::size_t service : quiesce->second.held | std::views::reverse) {
    TRY(check());
    TRY(hold(slots_[service]));
  }
  return {};
}

Result<> Holds::open(Slot& slot) {
  if (std::exchange(slot.opened, true)) return {};
  const QuiescedService& service = *slot.service;
  if (!service.after.argv.empty()) {
    TRY(context_.journal.record(key_of_after(service.name),
                                entry_of_after(context_.project, service.name, service.after)));
    slot.after_due = true;
  }
  if (service.before.argv.empty()) return {};
  const std::string what = "davit.before of " + shown(service);
  run_.reporter.note(what);
  TRY_ASSIGN(failure,
             in_context(run_hook(context_.engine, context_.project, service.name, service.before, run_), what));
  if (failure) return std::unexpected(std::move(*failure).context(what));
  return {};
}

Result<> Holds::hold(Slot& slot) {
  const QuiescedService& service = *slot.service;
  {
    const std::scoped_lock lock(mutex_);
    if (slot.state != State::idle) return {};
    slot.state = State::holding;
    slot.since = run_.clock.steady();
  }
  const std::string doing = "hold " + shown(service);
  std::string refused;
  TRY_ASSIGN(containers, in_context(containers_of_service(context_.engine, context_.project, service.name), doing));
  for (const ServiceContainer& container : containers) {
    if (container.id.value == context_.self || (container.state != "running" && container.state != "restarting"))
      continue;
    const HeldContainer held{.project = context_.project,
                             .service = service.name,
                             .number = container.number,
                             .id = container.id,
                             .how = service.how,
                             .order = service.order,
                             .stopping = service.how == How::stop};
    TRY_ASSIGN(outcome, in_context(hold_container(slot, held, refused), doing));
    if (outcome == Outcome::refused) break;
  }
  const std::scoped_lock lock(mutex_);
  slot.state = State::held;
  if (refused.empty()) {
    slot.was_held = !slot.containers.empty();
    if (slot.was_held) log_info(std::format("{} is {}", shown(service), state_of(service.how)));
    return {};
  }
  slot.not_held = std::format("{} could not be {}: {}", shown(service), state_of(service.how), refused);
  auto released = release(slot);
  if (plan_.consistent || !released)
    return fail(Errc::unavailable, slot.not_held + (released ? "" : "\n  - " + released.error().message()),
                released ? "try again, or set davit.quiesce=stop on the service" : released.error().hint());
  return {};
}

Result<Holds::Outcome> Holds::hold_container(Slot& slot, HeldContainer held, std::string& why) {
  TRY(context_.journal.record(key_of(held), entry_of(held)));
  {
    const std::scoped_lock lock(mutex_);
    slot.containers.push_back(held);
  }
  const auto forget = [&]() -> Result<> {
    {
      const std::scoped_lock lock(mutex_);
      slot.containers.pop_back();
    }
    return context_.journal.strike(key_of(held));
  };
  const bool pauses = held.how == How::pause;
  const auto ask = [&] {
    return pauses ? context_.engine.pause_container(held.id) : context_.engine.stop_container(held.id, {});
  };
  const auto began = run_.clock.steady();
  for (auto done = ask(); !done;) {
    // What counts is how it is now: an answer may be lost, and it may have ended by itself.
    auto container = context_.engine.inspect_container(held.id);
    const milliseconds time = pauses ? kPauseTime : container ? time_to_be_held(held, *container) : 0ms;
    const bool over = run_.clock.steady() >= began + time;
    if (!container && container.error().code() != Errc::not_found) {
      if (over) return std::unexpected(std::move(container).error());
    } else if (!container || !container->state.running) {
      if (container && !pauses) break;
      TRY(forget());
      return Outcome::gone;
    } else if (container->state.paused && pauses) {
      break;
    } else if (over) {
      why = done.error().message();
      TRY(forget());
      return Outcome::refused;
    }
    TRY(check());
    run_.clock.sleep_for(kPauseInterval);
    // Who was told to stop is not told twice.
    if (pauses) done = ask();
  }
  if (pauses) return Outcome::held;
  held.stopping = false;
  {
    const std::scoped_lock lock(mutex_);
    slot.containers.back() = held;
  }
  TRY(context_.journal.record(key_of(held), entry_of(held)));
  return Outcome::held;
}

// Somebody else may have let it run again, or made its containers anew: then it has written meanwhile.
Result<> Holds::look_again(Slot& slot) {
  {
    const std::scoped_lock lock(mutex_);
    if (slot.state != State::held || !slot.not_held.empty()) return {};
  }
  const std::string what = shown(*slot.service);
  TRY_ASSIGN(containers, in_context(containers_of_service(context_.engine, context_.project, slot.service->name),
                                    "look whether " + what + " is held still"));
  const std::scoped_lock lock(mutex_);
  if (slot.state != State::held || !slot.not_held.empty()) return {};
  for (const ServiceContainer& container : containers)
    if (container.id.value != context_.self && (container.state == "running" || container.state == "restarting"))
      slot.not_held = what + " was let run by somebody else, before everything was read";
  return {};
}

Result<> Holds::end(model::Item& item) {
  TRY(check());
  const auto quiesce = plan_.items.find(item.id);
  if (quiesce == plan_.items.end()) return {};
  const ItemQuiesce& planned = quiesce->second;
  if (planned.consistency) item.consistency = *planned.consistency;
  for (const Finding& finding : planned.findings) add_finding(finding.item, finding.what);
  for (const std::size_t index : planned.held) TRY(look_again(slots_[index]));
  {
    const std::scoped_lock lock(mutex_);
    for (const std::size_t index : planned.held) {
      const Slot& slot = slots_[index];
      if (slot.not_held.empty()) continue;
      if (plan_.consistent) return fail(Errc::failed, slot.not_held, "give it more time, or leave --consistent away");
      item.consistency = model::Consistency::live;
      findings_.push_back({item.id.text(), "", slot.not_held});
    }
    for (const std::size_t index : planned.held) --slots_[index].left;
    for (const std::size_t index : planned.touched) --slots_[index].left_touched;
  }
  return release_ready();
}

// A service that was stopped is not started before those that it depends on.
bool Holds::may_start(const Slot& slot) const {
  if (slot.service->how != How::stop) return true;
  return std::ranges::none_of(slots_, [&](const Slot& other) {
    return other.state == State::held && other.service->how == How::stop &&
           std::ranges::contains(slot.service->needs, other.service->name);
  });
}

Result<> Holds::release_ready() {
  for (Slot& slot : slots_) {
    bool awaited = false;
    {
      const std::scoped_lock lock(mutex_);
      if (slot.left > 0 || (slot.state == State::held && !may_start(slot))) continue;
      if (slot.state == State::held) TRY(release(slot));
      awaited = slot.started && std::ranges::any_of(slots_, [&](const Slot& other) {
                  return other.state == State::held && other.service->how == How::stop &&
                         std::ranges::contains(other.service->needs, slot.service->name);
                });
      if (awaited) slot.started = false;
    }
    if (awaited) wait_healthy(*slot.service);
    if (slot.left_touched == 0) run_after(slot);
  }
  return {};
}

Result<> Holds::release(Slot& slot) {
  const QuiescedService& service = *slot.service;
  std::vector<HeldContainer> left;  // the guard goes on trying: their entries stay
  std::optional<Error> first;
  for (const HeldContainer& held : slot.containers) {
    auto done = put_back(context_.engine, held, Ended::leave);
    for (int attempt = 1; !done && attempt < kAttempts; ++attempt) {
      run_.clock.sleep_for(kAttemptInterval);
      done = put_back(context_.engine, held, Ended::leave);
    }
    // The guard has the patience to see it end.
    if (done && held.stopping && done->line.empty())
      done = fail(Errc::unavailable, shown(service) + " runs, and may still be about to be stopped");
    if (!done) {
      left.push_back(held);
      if (!first) first = std::move(done).error().hint_if_none("let it run again by hand: " + by_hand(held));
      continue;
    }
    if (!done->runs) findings_.push_back({"", "", done->line});
    slot.started = slot.started || (done->runs && held.how == How::stop);
    if (auto struck = context_.journal.strike(key_of(held)); !struck && !first) first = std::move(struck).error();
  }
  slot.containers = std::move(left);
  slot.took = std::chrono::duration_cast<milliseconds>(run_.clock.steady() - slot.since);
  if (slot.containers.empty()) {
    slot.state = State::released;
    log_info(std::format("{} was {} for {} ms", shown(service), state_of(service.how), slot.took.count()));
  }
  if (first) return std::unexpected(*std::move(first));
  return {};
}

void Holds::run_after(Slot& slot) {
  if (!std::exchange(slot.after_due, false)) return;
  const QuiescedService& service = *slot.service;
  const std::string what = "davit.after of " + shown(service);
  RunContext last = run_.unstoppable();
  last.reporter.note(what);
  const auto run = [&] { return run_hook(context_.engine, context_.project, service.name, service.after, last); };
  const auto engine_failed = [](const auto& ran) { return !ran && ran.error().code() != Errc::not_found; };
  auto ran = run();
  for (int attempt = 1; engine_failed(ran) && attempt < kAttempts; ++attempt) {
    run_.clock.sleep_for(kAttemptInterval);
    ran = run();
  }
  if (engine_failed(ran))  // its entry stays
    return add_finding("", what + " could not be run, and the guard goes on trying: " + ran.error().message());
  if (!ran) add_finding("", what + ": " + ran.error().message());
  if (ran && *ran) add_finding("", what + ": " + (*ran)->message());
  if (auto struck = context_.journal.strike(key_of_after(service.name)); !struck)
    add_finding("", what + " may be run once more: " + struck.error().message());
}

void Holds::wait_healthy(const QuiescedService& service) {
  const auto deadline = run_.clock.steady() + kHealthTime;
  auto containers = containers_of_service(context_.engine, context_.project, service.name);
  if (!containers) return add_finding("", shown(service) + ": " + containers.error().message());
  for (const ServiceContainer& container : *containers) {
    if (container.state != "running") continue;
    while (true) {
      const auto now = context_.engine.inspect_container(container.id);
      if (now && (!now->state.running || !now->state.health || *now->state.health == "healthy")) break;
      if (!now && now.error().code() == Errc::not_found) break;
      // The Engine has asked often enough to say so, and Compose does not wait any longer either.
      const bool unhealthy = now && *now->state.health == "unhealthy";
      if (unhealthy || run_.clock.steady() >= deadline || !run_.check())
        return add_finding("", std::format("{} runs again, and is {} still", shown(service),
                                           now ? *now->state.health : "not to be asked"));
      run_.clock.sleep_for(kHealthInterval);
    }
  }
}

void Holds::release_all(std::vector<std::string>& failures, Errc& code) {
  const std::scoped_lock lock(mutex_);
  for (Slot& slot : slots_) {
    // One that was being held when an error came has something in hand, too.
    if (slot.state != State::held && slot.state != State::holding) continue;
    slot.was_held = slot.was_held || !slot.containers.empty();
    if (auto released = release(slot); !released) {
      code = released.error().code();
      const std::string& hint = released.error().hint();
      failures.push_back(released.error().message() + (hint.empty() ? "" : " (" + hint + ")"));
    }
  }
}

Result<> Holds::finish() {
  std::vector<std::string> failures;
  Errc code = Errc::failed;
  release_all(failures, code);
  for (Slot& slot : slots_) {
    run_after(slot);
    bool started = false;
    {
      const std::scoped_lock lock(mutex_);  // what could not be let go of, the watching thread still tries
      started = std::exchange(slot.started, false);
    }
    if (started) wait_healthy(*slot.service);
  }
  if (failures.empty()) return {};
  std::string what = "not every service that was held runs again";
  for (const std::string& failure : failures) what += "\n  - " + failure;
  return fail(code, std::move(what));
}

Error Holds::abandon(Error error) {
  std::vector<std::string> failures;
  Errc code = Errc::failed;
  release_all(failures, code);
  for (Slot& slot : slots_) run_after(slot);
  if (failures.empty()) return error;
  std::string what = error.message();
  for (const std::string& failure : failures) what += "\n  - " + failure;
  return {error.code(), std::move(what), error.hint()};
}

void Holds::watch(const std::stop_token& end) {
  std::unique_lock lock(mutex_);
  while (!end.stop_requested()) {
    const bool give_up = run_.stop.stop_requested() || context_.lost.stop_requested();
    for (Slot& slot : slots_) {
      if (slot.state != State::held || slot.containers.empty()) continue;
      const QuiescedService& service = *slot.service;
      const bool over = service.max && run_.clock.steady() >= slot.since + *service.max;
      if (!give_up && !over) continue;
      // Told even where it could not be let go of: what is read from now on can't be relied on. Whoever ends the run
      // tries again, and says so.
      slot.not_held = give_up ? shown(service) + " was let go of, as the run is to end"
                              : std::format("{} ran again after {} ms (davit.quiesce.max), before everything was read",
                                            shown(service), service.max->count());
      static_cast<void>(release(slot));
    }
    woken_.wait_for(lock, end, kWatchInterval, [] { return false; });
  }
}

void Holds::add_finding(std::string item, std::string what) {
  const std::scoped_lock lock(mutex_);
  findings_.push_back({std::move(item), "", std::move(what)});
}

std::vector<Finding> Holds::take_findings() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(findings_, {});
}

std::vector<catalog::HeldRecord> Holds::held() const {
  const std::scoped_lock lock(mutex_);
  std::vector<catalog::HeldRecord> records;
  for (const Slot& slot : slots_)
    if (slot.was_held) records.push_back({slot.service->name, std::string(state_of(slot.service->how)), slot.took});
  return records;
}

}  // namespace davit::app
