#include "sources/rebuild/readiness.hpp"

#include <nlohmann/json.hpp>

#include "sources/json_field.hpp"
#include "sources/last_lines.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using Condition = Dependency::Condition;
using State = Readiness::State;

constexpr std::chrono::milliseconds kPollInterval{200};

bool has_ended(const engine::ContainerInfo& container) {
  return container.state.status == "exited" || container.state.status == "dead";
}

std::string ending_of(const engine::ContainerInfo& container) {
  const std::string why = container.state.error.empty() ? std::string() : " (" + container.state.error + ")";
  return "it has ended with exit code " + std::to_string(container.state.exit_code) + why;
}

}  // namespace

Readiness readiness_of(const engine::ContainerInfo& container, Condition condition) {
  if (has_ended(container)) {
    if (container.state.exit_code != 0) return {State::failed, ending_of(container)};
    // What has a health check is to go on and answer.
    const bool lasting = condition == Condition::healthy && container.state.health;
    return lasting ? Readiness{State::failed, ending_of(container)} : Readiness{State::ready, {}};
  }
  if (condition == Condition::completed) return {State::waiting, "it has not ended yet"};
  if (container.state.status == "restarting")
    return {State::waiting, "it ends again and again, with exit code " + std::to_string(container.state.exit_code)};
  if (!container.state.running) return {State::waiting, "it does not run"};
  if (condition == Condition::started || !container.state.health || *container.state.health == "healthy")
    return {State::ready, {}};
  return {State::waiting, "its health check says \"" + escape_for_display(*container.state.health) + "\""};
}

std::chrono::seconds start_period_of(const engine::ContainerInfo& container) {
  const auto raw = nlohmann::json::parse(container.raw, nullptr, false);
  const nlohmann::json& period = field(field(field(raw, "Config"), "Healthcheck"), "StartPeriod");
  if (!period.is_number_integer()) return std::chrono::seconds{0};
  return std::chrono::ceil<std::chrono::seconds>(std::chrono::nanoseconds(period.get<std::int64_t>()));
}

Result<> wait_until_ready(engine::Engine& engine, const engine::ContainerId& container, Condition condition,
                          std::chrono::seconds within, RunContext& run) {
  const auto until = run.clock.steady() + within;
  while (true) {
    TRY(run.check());
    TRY_ASSIGN(info, engine.inspect_container(container));
    const Readiness readiness = readiness_of(info, condition);
    if (readiness.state == State::ready) return {};
    if (readiness.state == State::failed)
      return fail(Errc::failed, "container " + info.name + ": " + readiness.why + ": " + last_lines(engine, container));
    if (run.clock.steady() >= until)
      return fail(Errc::unavailable, "container " + info.name + " is not ready after " +
                                         std::to_string(within.count()) + " s: " + readiness.why + ": " +
                                         last_lines(engine, container));
    run.clock.sleep_for(kPollInterval);
  }
}

}  // namespace davit::sources
