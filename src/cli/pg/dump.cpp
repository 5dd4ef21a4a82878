#include <nlohmann/json.hpp>

#include "cli/pg/commands.hpp"
#include "cli/pg/dump_flags.hpp"
#include "cli/pg/render.hpp"
#include "cli/pg/server_flags.hpp"
#include "cli/pg/store_flags.hpp"

namespace davit::cli {
namespace {

struct Flags {
  ServerFlags server;
  DumpFlags dump;
  std::string directory;
};

Result<int> dump(const Globals& globals, const Flags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(options, dump_options(flags.dump));
  TRY_ASSIGN(storage, open_store(bench, globals, flags.directory, {}, name_of_server(globals, flags.server)));
  sweep_store(*storage, bench.run());
  TRY_ASSIGN(opened, open_server(bench, globals, flags.server, Equipment::tools));
  TRY_ASSIGN(report, app::dump_databases(opened.server, *storage, options, bench.run()));
  return report_dumps(bench, globals, std::move(report), storage->describe());
}

}  // namespace

void add_pg_dump(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("dump", "Postgres ➜ local: dump databases into a directory");
  auto flags = std::make_shared<Flags>();
  add_server_flags(*command, flags->server);
  add_dump_flags(*command, flags->dump);
  command
      ->add_option("--dir", flags->directory,
                   "The directory, made if only its last part is missing; without it: dumps/ in the repository "
                   "(--repository)")
      ->type_name("DIR");
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return dump(globals, *flags); }; });
}

}  // namespace davit::cli
