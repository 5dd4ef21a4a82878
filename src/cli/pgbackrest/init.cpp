#include <nlohmann/json.hpp>

#include "app/guarded.hpp"
#include "app/pgbackrest/control.hpp"
#include "app/pgbackrest/init.hpp"
#include "cli/pgbackrest/commands.hpp"
#include "cli/pgbackrest/inside.hpp"
#include "cli/pgbackrest/place.hpp"

namespace davit::cli {
namespace {

struct Flags {
  PlaceFlags place;
  std::string lock_wait;
  int retention_full = 0;
};

using Done = std::vector<std::string>;

Result<Done> from_inside(Workbench& bench, const Globals& globals, const Flags& flags, sources::SetupOptions options) {
  options.stanza = stanza_of(globals, flags.place, {});
  std::vector<std::string> env;
  for (const auto& [name, value] : globals.environment.all()) env.push_back(name + "=" + value);
  const auto programs = sources::Programs::on_this_machine(env);
  // While this process may still be root; the rest is done as the cluster's user, and finds them made.
  Done done;
  const sources::Cluster before(programs, sources::data_directory_of(env));
  TRY_ASSIGN(made, sources::make_directories(programs, before, bench.run()));
  done = std::move(made);
  TRY_ASSIGN(cluster, cluster_inside(globals));
  TRY_ASSIGN(control, control_inside(cluster));
  const auto as_owner = control.cluster.programs();
  TRY_ASSIGN(rest, app::init_physical(as_owner, std::move(control), options, bench.run()));
  done.insert(done.end(), rest.begin(), rest.end());
  return done;
}

Result<Done> from_outside(Workbench& bench, const Globals& globals, const Flags& flags, sources::SetupOptions options) {
  TRY_ASSIGN(engine, bench.engine());
  TRY_ASSIGN(found, find_database(bench, flags.place));
  options.stanza = stanza_of(globals, flags.place, found);
  const auto project = found.labels.find("com.docker.compose.project");
  TRY_ASSIGN(guards, bench.guards("init", flags.lock_wait));
  const auto work = [&](helper::Guard& guard, RunContext& run) -> Result<Done> {
    TRY_ASSIGN(container, find_database(bench, flags.place));
    if (!container.state.running || container.state.paused)
      return fail(Errc::unavailable, "container " + container.name + " is " + container.state.status, "start it first");
    engine::Command root;
    root.user = "0";
    const auto programs = sources::Programs::in_container(*engine, container.id, root);
    TRY_ASSIGN(control, app::control_of(*engine, container, guard, run));
    return app::init_physical(programs, std::move(control), options, run);
  };
  return app::guarded(guards, project == found.labels.end() ? found.name : project->second, bench.run(), work);
}

Result<int> init(const Globals& globals, const Flags& flags) {
  Workbench bench(globals);
  sources::SetupOptions options;
  if (flags.retention_full != 0) options.retention_full = flags.retention_full;
  TRY_ASSIGN(done, is_inside(globals, flags.place) ? from_inside(bench, globals, flags, options)
                                                   : from_outside(bench, globals, flags, options));
  bench.progress().close();
  std::string text;
  for (const std::string& line : done) text += line + "\n";
  text += done.empty() ? "everything is as it should be: WAL reaches the archive\n"
                       : "WAL reaches the archive; now make a backup: davit pgbackrest backup --type full\n";
  TRY(print_outcome(globals.json    ? nlohmann::json{{"done", done}}.dump(2) + "\n"
                    : globals.quiet ? std::string()
                                    : text,
                    "pgBackRest was set up"));
  return kExitDone;
}

}  // namespace

void add_init(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "init",
      "Set up pgBackRest beside a PostgreSQL server: directories, configuration, archiving, stanza, and a check");
  auto flags = std::make_shared<Flags>();
  command
      ->add_option("--retention-full", flags->retention_full,
                   "Full backups that are kept; what hangs on them goes with them. 1 where nothing is set")
      ->type_name("N")
      ->check(CLI::Range(1, 9999999));
  command->add_option("--lock-wait", flags->lock_wait, "How long to wait for another run on the stack: 30s, 10m, 1h")
      ->type_name("TIME");
  add_place_flags(*command, flags->place);
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return init(globals, *flags); }; });
}

}  // namespace davit::cli
