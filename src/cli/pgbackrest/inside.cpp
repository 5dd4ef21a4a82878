#include "cli/pgbackrest/inside.hpp"

#include "supervise/client.hpp"
#include "supervise/control_socket.hpp"

namespace davit::cli {
namespace {

using sources::Cluster;
using supervise::State;

constexpr std::chrono::seconds kPatience{600};   // for a server with much to write
constexpr std::chrono::seconds kStartTime{120};  // recovery may take longer, which is seen by asking the server

supervise::Patience patience(RunContext& run, const Cluster& cluster, std::chrono::seconds timeout) {
  return {.timeout = timeout, .stop = run.stop, .clock = run.clock, .accepting = [&run, cluster] {
            return std::optional(sources::ask_server(cluster, "select 1", run).has_value());
          }};
}

}  // namespace

Result<app::ServerControl> control_inside(const Cluster& cluster) {
  TRY_ASSIGN(socket, supervise::control_name());
  const supervise::Ask ask = [socket](const supervise::Request& request) { return supervise::ask(socket, request); };
  auto status = ask({.kind = supervise::Request::Kind::status});
  if (!status && status.error().code() == Errc::not_found)
    return fail(
        Errc::usage, "the server can't be stopped from here: its container would end with it",
        "run davit outside with --stack or --container, or make `davit entrypoint -- …` the container's entrypoint");
  if (!status) return std::unexpected(std::move(status).error());
  return app::ServerControl{
      .cluster = cluster,
      .runs = status->state != State::maintenance,
      .stop = [ask, cluster](RunContext& by) -> Result<Cluster> {
        TRY(supervise::stop_server(ask, supervise::StopMode::fast, patience(by, cluster, kPatience)));
        return cluster;
      },
      .start = [ask, cluster](RunContext& by) -> Result<Cluster> {
        auto started = supervise::start_server(ask, patience(by, cluster, kStartTime));
        if (!started && started.error().code() != Errc::unavailable) return std::unexpected(std::move(started).error());
        return cluster;
      },
      .leave = [](RunContext&) -> Result<> { return {}; },
      .check_runs = [ask](RunContext&) -> Result<> {
        TRY_ASSIGN(now, ask({.kind = supervise::Request::Kind::status}));
        if (now.state != State::maintenance) return {};
        return fail(Errc::failed, now.problem.value_or("the server ended while it was starting"),
                    "see the container's log");
      },
      .inside = true};
}

}  // namespace davit::cli
