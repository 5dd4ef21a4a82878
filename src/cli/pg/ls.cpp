#include <nlohmann/json.hpp>

#include "cli/pg/commands.hpp"
#include "cli/pg/render.hpp"
#include "cli/pg/server_flags.hpp"

namespace davit::cli {
namespace {

Result<int> ls(const Globals& globals, const ServerFlags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(opened, open_server(bench, globals, flags, Equipment::none));
  TRY_ASSIGN(databases, sources::list_databases(opened.server, bench.run()));
  std::erase_if(databases, [](const sources::Database& each) { return each.is_template; });
  bench.progress().close();
  TRY(print(globals.json ? databases_to_json(opened.server, databases).dump(2) + "\n"
                         : render_databases(opened.server, databases)));
  return kExitDone;
}

}  // namespace

void add_pg_ls(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("ls", "List databases");
  auto flags = std::make_shared<ServerFlags>();
  add_server_flags(*command, *flags);
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return ls(globals, *flags); }; });
}

}  // namespace davit::cli
