#include "app/pgbackrest/init.hpp"

#include <algorithm>
#include <iterator>

namespace davit::app {
namespace {

using namespace std::chrono_literals;

Result<> restart(ServerControl& control, RunContext& run) {
  run.reporter.step("restart the server");
  TRY(control.stop(run));
  // Whoever asks to stop now gets a server that runs all the same.
  RunContext to_the_end = run.unstoppable();
  TRY_ASSIGN(cluster, control.start(to_the_end));
  while (!sources::ask_server(cluster, "select 1", to_the_end)) {
    TRY(control.check_runs(to_the_end));
    run.clock.sleep_for(500ms);
  }
  control.cluster = std::move(cluster);
  return {};
}

}  // namespace

Result<std::vector<std::string>> init_physical(const sources::Programs& makes_directories, ServerControl control,
                                               const sources::SetupOptions& options, RunContext& run) {
  if (!control.runs)
    return fail(Errc::unavailable, "the server doesn't run", "start it first: `davit db start`, or its container");
  TRY(sources::check_setup(control.cluster, options, run));
  std::vector<std::string> done;
  const auto add = [&done](std::vector<std::string> lines) { std::ranges::move(lines, std::back_inserter(done)); };
  // 1. The server's user may write wherever pgBackRest does.
  TRY_ASSIGN(directories, sources::make_directories(makes_directories, control.cluster, run));
  add(std::move(directories));
  // 2. pgBackRest knows the cluster, and how many backups to keep.
  TRY_ASSIGN(written, sources::write_configuration(control.cluster, options, run));
  add(std::move(written));
  // 3. The server hands over its segments.
  TRY_ASSIGN(settings, sources::set_archiving(control.cluster, options, run));
  add(std::move(settings.done));
  if (settings.needs_restart) {
    TRY(restart(control, run));
    done.emplace_back("restarted the server");
  }
  // 4. There is a stanza for them.
  const sources::PgBackRest tool(control.cluster, options.stanza);
  if (const auto stanza = tool.info(run); !stanza) {
    if (stanza.error().code() != Errc::not_found) return std::unexpected(stanza.error());
    TRY(tool.command({"stanza-create"}, "make stanza " + options.stanza, run));
    done.push_back("made stanza " + options.stanza);
  }
  // 5. A segment has gone all the way.
  run.reporter.step("check that segments reach the archive");
  TRY(tool.check(run));
  return done;
}

}  // namespace davit::app
