#include "sources/basebackup/lone_server.hpp"

#include "engine/command.hpp"
#include "sources/idle.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/postgres/server.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;

// $1: the directory; $2: the data directory, whose owner it gets. As the container's user, who may be root.
constexpr const char* kPrepare = R"sh(
set -eu
[ -d "$1" ] || mkdir -p -- "$1"
for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
  [ -e "$entry" ] || [ -L "$entry" ] || continue
  [ "${entry##*/}" = lost+found ] || exit 0
done
if [ "$(id -u)" = 0 ] && [ "$(stat -L -c %u "$1")" = 0 ]; then
  owner=$(stat -L -c %u:%g "$2")
  case $owner in 0:*) owner=postgres:postgres ;; esac
  chown -- "$owner" "$1"
fi
chmod 700 -- "$1" 2>/dev/null || :
)sh";

}  // namespace

Result<std::shared_ptr<LoneServer>> LoneServer::open(engine::Engine& engine, engine::ContainerInfo container,
                                                     OneOffOptions options, RunContext& run) {
  std::shared_ptr<LoneServer> server(new LoneServer(engine, std::move(container), std::move(options)));
  TRY(server->stand_in(run));
  return server;
}

Result<Cluster> LoneServer::stand_in(RunContext& run) {
  if (server_) {
    const engine::ContainerId id = server_->id();
    auto closed = server_->close(120s);
    server_.reset();
    // One that has ended by itself, or had to be killed, is gone all the same; what counts is that none writes any
    // more.
    if (!closed && engine_.inspect_container(id)) return std::unexpected(std::move(closed).error());
  }
  if (idle_ && cluster_) return *cluster_;
  OneOffOptions options = options_;
  options.entrypoint = idle_entrypoint();
  TRY_ASSIGN(made, OneOff::start(engine_, container_, options, ready_at_once, run));
  idle_ = std::move(made);
  TRY(make_directory(data_directory(container_), run));
  TRY_ASSIGN(cluster, cluster_in_container(engine_, idle_->id(), run));
  cluster_ = cluster;
  return cluster;
}

Result<> LoneServer::make_directory(const std::string& directory, RunContext& run) {
  if (!idle_) return fail(Errc::bug, "make directory " + directory + " beside a server that runs");
  engine::Command prepare;
  prepare.argv = {"sh", "-c", kPrepare, "davit", directory, data_directory(container_)};
  TRY_ASSIGN(answer, engine::run_command_for_text(engine_, idle_->id(), prepare, run));
  if (answer.outcome.exit_code == 0) return {};
  return std::unexpected(command_error("make directory " + escape_for_display(directory), "sh", answer.outcome));
}

Result<Cluster> LoneServer::start(RunContext& run) {
  idle_.reset();
  TRY_ASSIGN(made, OneOff::start(engine_, container_, options_, ready_at_once, run));
  server_ = std::move(made);
  TRY_ASSIGN(cluster, cluster_in_container(engine_, server_->id(), run));
  cluster_ = cluster;
  return cluster;
}

ServerControl LoneServer::control(Cluster cluster) {
  auto shared = shared_from_this();
  return ServerControl{.cluster = std::move(cluster),
                       .runs = false,
                       .stop = [shared](RunContext& by) { return shared->stand_in(by); },
                       .start = [shared](RunContext& by) { return shared->start(by); },
                       .leave = [](RunContext&) -> Result<> { return {}; },
                       .check_runs = [shared](RunContext&) -> Result<> {
                         return shared->server_ ? shared->server_->check_running() : Result<>();
                       }};
}

Result<> LoneServer::close() {
  idle_.reset();
  if (!server_) return {};
  auto closed = server_->close(120s);
  server_.reset();
  return closed;
}

void LoneServer::leave() {
  if (idle_) idle_->release();
  if (server_) server_->release();
  idle_.reset();
  server_.reset();
}

}  // namespace davit::sources
