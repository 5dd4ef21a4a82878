#include "helper/guard/lock.hpp"

#include <format>
#include <nlohmann/json.hpp>

#include "helper/guard/guard.hpp"
#include "helper/guard/guard_spec.hpp"
#include "helper/guard/keep.hpp"
#include "util/text.hpp"

namespace davit::helper {

namespace {

// A guard gives the helpers of its run half a minute to lead back what they have begun.
constexpr auto kPatience = std::chrono::seconds(60);
constexpr auto kGlance = std::chrono::milliseconds(200);
// A guard that was made is started at once; and a run that has lost its guard notices it, and puts right itself what it
// holds. So long it is left alone, where it can't be seen that its run is dead.
constexpr auto kGrace = std::chrono::minutes(1);
constexpr int kLogLines = 1000;
constexpr std::size_t kQuoted = 5;

std::string label_of(const engine::ContainerInfo& guard, std::string_view name) {
  const auto label = guard.labels.find(name);
  return label == guard.labels.end() ? "(unknown)" : escape_for_display(label->second);
}

std::string readable_time(const engine::ContainerInfo& guard) {
  const std::string text = label_of(guard, engine::kSinceLabel);
  const auto time = parse_rfc3339(text);
  return time ? std::format("{:%F %T} UTC", std::chrono::floor<std::chrono::seconds>(*time)) : text;
}

bool ended(const engine::ContainerState& state) { return state.status == "exited" || state.status == "dead"; }

// When its process ended last; nothing if the Engine does not say.
std::optional<TimePoint> finished_at(const engine::ContainerInfo& guard) {
  const auto raw = nlohmann::json::parse(guard.raw, nullptr, false);
  const auto at = nlohmann::json::json_pointer("/State/FinishedAt");
  if (!raw.is_object() || !raw.contains(at) || !raw.at(at).is_string()) return {};
  const auto time = parse_rfc3339(raw.at(at).get<std::string>());
  return time ? std::optional(*time) : std::nullopt;
}

// Whether what it waits for may just be happening.
bool is_fresh(const engine::ContainerInfo& guard, const RunContext& run) {
  std::optional<TimePoint> since = finished_at(guard);
  if (guard.state.status == "created") {
    const auto made = parse_rfc3339(label_of(guard, engine::kSinceLabel));
    since = made ? std::optional(*made) : std::nullopt;
  }
  return since && run.clock.now() - *since < kGrace;
}

// The lines of its log that have the mark in them. Parts of frames may stand before it.
std::vector<std::string> lines_behind(const std::string& log, std::string_view mark) {
  std::vector<std::string> lines;
  for (const std::string& line : split(log, '\n'))
    if (const std::size_t at = line.find(mark); at != std::string::npos)
      lines.emplace_back(trim(std::string_view(line).substr(at + mark.size())));
  return lines;
}

std::vector<std::string> rescued(engine::Engine& engine, const engine::ContainerInfo& guard) {
  const std::string who = std::format("run {} of stack {} had died: ", label_of(guard, engine::kRunLabel),
                                      label_of(guard, engine::kStackLabel));
  const auto log = engine.container_logs(guard.id, kLogLines);
  if (!log)
    return {who +
            "its guard has put right what it had left, but what that was can't be read: " + log.error().message()};
  std::vector<std::string> lines;
  for (const std::string& line : lines_behind(*log, kRescued)) lines.push_back(who + line);
  return lines;
}

// A guard that does not come to its end.
Error stuck(engine::Engine& engine, const engine::ContainerInfo& guard) {
  std::string text = std::format("the guard {} can't put right what the dead run {} ({}) has left of stack {}",
                                 guard.name, label_of(guard, engine::kRunLabel), label_of(guard, engine::kCommandLabel),
                                 label_of(guard, engine::kStackLabel));
  const auto log = engine.container_logs(guard.id, kLogLines);
  std::vector<std::string> lines = log ? lines_behind(*log, kNotYet) : std::vector<std::string>{log.error().message()};
  if (lines.empty() && log) lines = lines_behind(*log, "error: ");
  if (lines.size() > kQuoted) lines.erase(lines.begin(), lines.end() - kQuoted);
  for (const std::string& line : lines) text += "\n  - " + escape_for_display(line);
  return {
      Errc::failed, std::move(text),
      "mend the cause, and the guard goes by itself; or put it right by hand and remove the container " + guard.name};
}

}  // namespace

Error locked_by(const engine::ContainerInfo& guard) {
  return {Errc::locked,
          std::format("stack {} is in the hands of run {} ({}) since {}, container {}",
                      label_of(guard, engine::kStackLabel), label_of(guard, engine::kRunLabel),
                      label_of(guard, engine::kCommandLabel), readable_time(guard), guard.name),
          "wait until it is done, or let davit wait: --lock-wait 10m"};
}

Result<Settled> settle(engine::Engine& engine, const engine::IsAlive& is_alive, const engine::ContainerId& guard,
                       RunContext& run) {
  Settled settled;
  const auto began = run.clock.steady();
  bool noted = false;
  bool started = false;
  for (;;) {
    TRY(run.check());
    auto info = engine.inspect_container(guard);
    if (!info && info.error().code() == Errc::not_found) return settled;
    if (!info) return std::unexpected(std::move(info).error().context("look at a guard"));
    const engine::ContainerState& state = info->state;
    TRY_ASSIGN(alive, is_alive(info->labels));
    if (ended(state) && state.exit_code == 0) {
      settled.lines = rescued(engine, *info);
      TRY(in_context(engine.remove_container(info->id, true), "remove the guard " + info->name));
      return settled;
    }
    if (alive && (state.running || state.status == "restarting" || is_fresh(*info, run))) {
      settled.holder = *std::move(info);
      return settled;
    }
    if (state.status == "created") {
      // It never ran, so nothing was ever recorded.
      TRY(in_context(engine.remove_container(info->id, true), "remove the guard " + info->name));
      return settled;
    }
    if (ended(state) && !started) {
      started = true;
      auto again = engine.start_container(info->id);
      if (!again && again.error().code() != Errc::not_found)
        return std::unexpected(
            std::move(again).error().context("start the guard " + info->name + ", which has something to put right"));
      continue;
    }
    const auto waited = run.clock.steady() - began;
    if (waited >= kPatience) return std::unexpected(stuck(engine, *info));
    if (waited >= std::chrono::seconds(1) && !std::exchange(noted, true))
      run.reporter.note("waiting for the guard " + info->name + ", which puts right what a dead run has left");
    run.clock.sleep_for(kGlance);
  }
}

Result<> repair(engine::Engine& engine, const engine::IsAlive& is_alive, RunContext& run) {
  std::optional<Error> first;
  TRY_ASSIGN(guards, engine.list_containers(
                         {.all = true, .labels = {std::format("{}={}", engine::kRoleLabel, kGuardRole)}, .names = {}}));
  for (const engine::ContainerSummary& guard : guards) {
    auto settled = settle(engine, is_alive, guard.id, run);
    if (!settled && settled.error().code() == Errc::cancelled) return std::unexpected(std::move(settled).error());
    if (settled)
      for (const std::string& line : settled->lines) run.reporter.warning(line);
    else if (!first)
      first = std::move(settled).error();
    else
      first = Error(first->code(), first->message() + "\n" + settled.error().message(), first->hint());
  }
  if (first) return std::unexpected(*std::move(first));
  return {};
}

}  // namespace davit::helper
