#include "app/quiesce/hook.hpp"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "app/quiesce/service_containers.hpp"
#include "engine/command.hpp"
#include "util/escape.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

constexpr std::size_t kShownBytes = 1000;  // of what a hook printed
constexpr std::size_t kKeptBytes = 4 * kShownBytes;

// A stop that comes when another one does, or when time is up.
class TimeLimit {
 public:
  TimeLimit(std::chrono::milliseconds limit, const std::stop_token& outer)
      : forward_(outer, [this] { source_.request_stop(); }), timer_([this, limit](const std::stop_token& end) {
          std::unique_lock lock(mutex_);
          if (woken_.wait_for(lock, end, limit, [] { return false; }) || end.stop_requested()) return;
          over_ = true;
          source_.request_stop();
        }) {}

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  [[nodiscard]] bool over() {
    const std::scoped_lock lock(mutex_);
    return over_;
  }

 private:
  std::stop_source source_;
  std::mutex mutex_;
  std::condition_variable_any woken_;
  bool over_ = false;
  std::stop_callback<std::function<void()>> forward_;
  std::jthread timer_;  // last: it uses the rest
};

std::string tail_of(std::string_view text) {
  text = trim(text);
  if (text.size() <= kShownBytes) return std::string(text);
  return "…" + std::string(text.substr(text.size() - kShownBytes));
}

Result<HookFailure> run_in(engine::Engine& engine, const engine::ContainerId& container, const Hook& hook,
                           RunContext& run) {
  TimeLimit limit(hook.timeout, run.stop);
  RunContext limited{run.run_id, run.clock, run.reporter, limit.token(), run.owner};
  bool begun = false;
  const engine::Command command{.argv = hook.argv, .env = {}, .user = hook.user, .setup = {}, .begun = &begun};
  auto done = engine::run_command_for_tail(engine, container, command, limited, kKeptBytes);
  if (!done && limit.over() && !run.stop.stop_requested())
    return HookFailure(Error(Errc::unavailable,
                             "it took longer than " + std::to_string(hook.timeout.count()) + " s, and may still run",
                             "set davit.hook.timeout on the service to give it more time"));
  // A hook may well end its own container.
  if (!done && (begun || done.error().code() == Errc::failed)) return HookFailure(std::move(done).error());
  if (!done) return std::unexpected(std::move(done).error());
  if (done->outcome.exit_code == 0) return HookFailure();
  const std::string said = done->outcome.errors.empty() ? done->out : done->outcome.errors;
  return HookFailure(Error(Errc::failed, "it ended with exit code " + std::to_string(done->outcome.exit_code) +
                                             (said.empty() ? "" : ": " + escape_lines(tail_of(said)))));
}

}  // namespace

Result<HookFailure> run_hook(engine::Engine& engine, const std::string& project, const std::string& service,
                             const Hook& hook, RunContext& run) {
  TRY_ASSIGN(containers, containers_of_service(engine, project, service));
  const auto found = std::ranges::find(containers, "running", &ServiceContainer::state);
  if (found == containers.end())
    return fail(Errc::not_found, "no container of service " + escape_for_display(service) + " runs");
  return run_in(engine, found->id, hook, run);
}

}  // namespace davit::app
