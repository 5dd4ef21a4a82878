#include "app/quiesce/put_back.hpp"

#include <algorithm>

#include "app/quiesce/hook.hpp"
#include "app/quiesce/service_containers.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kPauseTime = 1s;                // a pause is asked for and done
constexpr auto kStopTime = 10s;                // the Engine's own, where the container says nothing
constexpr auto kAfterTime = 60s;               // for a service to run, so that a hook can be run in it
constexpr auto kStopAllowance = 5s;            // for the Engine to kill what has not ended by then
constexpr std::int64_t kLongestStop = 86'400;  // s; some say "for ever" with a number

Result<std::string> text_of(const json& entry, const char* name) {
  const auto found = entry.find(name);
  if (found == entry.end() || !found->is_string())
    return fail(Errc::corrupt, std::string("the journal's entry has no text \"") + name + "\"");
  return found->get<std::string>();
}

Result<int> number_of(const json& entry, const char* name) {
  const auto found = entry.find(name);
  if (found == entry.end() || !found->is_number_integer())
    return fail(Errc::corrupt, std::string("the journal's entry has no number \"") + name + "\"");
  return found->get<int>();
}

Result<HeldContainer> parse_held(const json& entry) {
  HeldContainer held;
  TRY_ASSIGN(project, text_of(entry, "project"));
  held.project = std::move(project);
  TRY_ASSIGN(service, text_of(entry, "service"));
  held.service = std::move(service);
  TRY_ASSIGN(container, text_of(entry, "container"));
  held.id.value = std::move(container);
  TRY_ASSIGN(number, number_of(entry, "number"));
  held.number = number;
  TRY_ASSIGN(how, text_of(entry, "how"));
  held.how = how == name_of(How::stop) ? How::stop : How::pause;
  TRY_ASSIGN(order, number_of(entry, "order"));
  held.order = order;
  held.stopping = entry.contains("stopping");
  return held;
}

std::string service_text(const std::string& service) { return "service " + escape_for_display(service); }

// Finds the container, or the one that has taken its place. Errc::not_found: there is neither.
Result<engine::ContainerInfo> find_container(engine::Engine& engine, const HeldContainer& held) {
  auto container = engine.inspect_container(held.id);
  if (container || container.error().code() != Errc::not_found) return container;
  TRY_ASSIGN(now, containers_of_service(engine, held.project, held.service));
  const auto found = std::ranges::find(now, held.number, &ServiceContainer::number);
  if (found == now.end()) return container;
  return engine.inspect_container(found->id);
}

}  // namespace

std::string key_of(const HeldContainer& held) { return "held/" + held.id.value; }

json entry_of(const HeldContainer& held) {
  json entry{{"kind", "held"},        {"project", held.project},    {"service", held.service},
             {"number", held.number}, {"container", held.id.value}, {"how", name_of(held.how)},
             {"order", held.order}};
  if (held.stopping) entry["stopping"] = true;
  return entry;
}

std::string key_of_after(const std::string& service) { return "after/" + service; }

json entry_of_after(const std::string& project, const std::string& service, const Hook& hook) {
  return {{"kind", "after"},   {"project", project}, {"service", service},
          {"argv", hook.argv}, {"user", hook.user},  {"timeout", hook.timeout.count()}};
}

Result<PutBack> put_back(engine::Engine& engine, const HeldContainer& held, Ended ended) {
  const std::string what = service_text(held.service);
  const std::string doing = "let " + what + " run again";
  std::string done;
  // An answer may be lost, and somebody else may have done it: what counts is how it is afterwards.
  for (int attempt = 0;; ++attempt) {
    auto container = find_container(engine, held);
    if (!container && container.error().code() == Errc::not_found)
      return PutBack{what + " is not started again: its container is gone", false};
    if (!container) return std::unexpected(std::move(container).error().context(doing));
    const engine::ContainerState& state = container->state;
    if (state.running && !state.paused) return PutBack{done, true};
    if (!state.paused && held.how == How::pause && ended == Ended::leave)
      return PutBack{what + " was ended by somebody while it was paused, and is not started again", false};
    auto result = state.paused ? engine.unpause_container(container->id) : engine.start_container(container->id);
    done = (state.paused ? "unpaused " : "started ") + what + " again";
    if (result) return PutBack{done, true};
    if (attempt == 1) return std::unexpected(std::move(result).error().context(doing));
  }
}

std::chrono::milliseconds time_to_be_held(const HeldContainer& held, const engine::ContainerInfo& info) {
  if (held.how == How::pause) return kPauseTime;
  if (!held.stopping) return 0ms;
  const json raw = json::parse(info.raw, nullptr, false);
  const auto at = json::json_pointer("/Config/StopTimeout");
  const bool told = raw.is_object() && raw.contains(at) && raw.at(at).is_number_integer();
  return (told ? std::chrono::seconds(std::clamp(raw.at(at).get<std::int64_t>(), std::int64_t{0}, kLongestStop))
               : kStopTime) +
         kStopAllowance;
}

Result<std::vector<std::string>> put_back_held(engine::Engine& engine, const json& entry,
                                               std::chrono::milliseconds waited) {
  TRY_ASSIGN(held, parse_held(entry));
  // The Engine goes on with what it was asked for, also when nobody waits for the answer any more: what runs now may be
  // held in a moment, and then nobody would look any more.
  const auto now = find_container(engine, held);
  if (now && now->id.value == held.id.value && now->state.running && !now->state.paused &&
      waited < time_to_be_held(held, *now))
    return fail(Errc::unavailable,
                service_text(held.service) + " runs, and may still be about to be " + std::string(state_of(held.how)));
  TRY_ASSIGN(done, put_back(engine, held, Ended::start));
  if (done.line.empty()) return std::vector<std::string>{};
  return std::vector<std::string>{std::move(done.line)};
}

Result<std::vector<std::string>> put_back_after(engine::Engine& engine, const json& entry,
                                                std::chrono::milliseconds waited, RunContext& run) {
  TRY_ASSIGN(project, text_of(entry, "project"));
  TRY_ASSIGN(service, text_of(entry, "service"));
  TRY_ASSIGN(user, text_of(entry, "user"));
  TRY_ASSIGN(timeout, number_of(entry, "timeout"));
  Hook hook{.argv = {}, .user = std::move(user), .timeout = std::chrono::seconds(timeout)};
  const auto argv = entry.find("argv");
  if (argv == entry.end() || !argv->is_array()) return fail(Errc::corrupt, "the journal's entry has no array \"argv\"");
  for (const json& argument : *argv) {
    if (!argument.is_string()) return fail(Errc::corrupt, "the journal's entry has something else in its \"argv\"");
    hook.argv.push_back(argument.get<std::string>());
  }
  const std::string what = "davit.after of " + service_text(service);
  TRY_ASSIGN(containers, containers_of_service(engine, project, service));
  if (containers.empty()) return std::vector<std::string>{what + " is not run: its container is gone"};
  // Somebody has stopped it, and the stack must not stay locked until it is started.
  if (waited >= kAfterTime && std::ranges::none_of(containers, [](const auto& one) { return one.state == "running"; }))
    return std::vector<std::string>{what + " is not run: the service does not run"};
  TRY_ASSIGN(failure, in_context(run_hook(engine, project, service, hook, run), what));
  // It had its chance: only what kept it from running is tried again.
  if (failure) return std::vector<std::string>{"ran " + what + ", which failed: " + failure->message()};
  return std::vector<std::string>{"ran " + what};
}

}  // namespace davit::app
