#include "app/guarded.hpp"

#include "app/own_paths.hpp"
#include "app/owner.hpp"

namespace davit::app {
namespace {

// Of an Engine on another machine nothing else is known than what is usual.
constexpr const char* kUsualSocket = "/var/run/docker.sock";

Result<std::string> find_socket(engine::Engine& engine, const std::string& self) {
  if (!engine.is_local()) return kUsualSocket;
  TRY_ASSIGN(path,
             in_context(path_on_host(engine, self, engine.address()), "find the Engine's socket on its own host"));
  if (path) return *path;
  return fail(Errc::usage,
              "find the Engine's socket on its own host: " + engine.address() + " is in no mount of davit's container",
              "set DAVIT_ENGINE_SOCKET to its path there");
}

}  // namespace

helper::AcquireGuard guards_of(helper::Host& host, std::string command, std::chrono::seconds lock_wait,
                               std::string engine_socket, std::string self) {
  return [&host, command = std::move(command), lock_wait, socket = std::move(engine_socket), self = std::move(self)](
             const std::string& stack, RunContext& run) -> Result<std::unique_ptr<helper::Guard>> {
    helper::GuardOptions options{.stack = stack,
                                 .command = command,
                                 .engine_socket = socket,
                                 .lock_wait = lock_wait,
                                 .is_alive = owner_is_alive(host.engine())};
    if (options.engine_socket.empty()) {
      TRY_ASSIGN(found, find_socket(host.engine(), self));
      options.engine_socket = std::move(found);
    }
    return helper::Guard::acquire(host, options, run);
  };
}

std::optional<Error> end_guard(helper::Guard& guard, const Error* failure, RunContext& run) {
  auto released = guard.release();
  if (failure == nullptr) {
    // What was made stands: that its guard could not be ended is no reason to call it failed.
    if (!released) run.reporter.warning(released.error().message());
    return {};
  }
  if (released || failure->message().contains(released.error().message())) return *failure;
  if (!guard.lost().stop_requested())
    return Error(failure->code(), failure->message() + "; " + released.error().message(), failure->hint());
  // Whatever failed then may well be a consequence: "cancelled" would say that somebody had asked for it, and "not
  // found" that there was no such stack, where the guard has cleared away a helper.
  const bool asked = run.stop.stop_requested();
  const bool misleads = failure->code() == Errc::not_found || (failure->code() == Errc::cancelled && !asked);
  return Error(*failure)
      .as(misleads ? Errc::failed : failure->code())
      .context(released.error().message())
      .hint_if_none("only its own run may stop or remove a guard; start the command again");
}

}  // namespace davit::app
