#include <nlohmann/json.hpp>

#include "catalog/catalog.hpp"
#include "cli/commands.hpp"
#include "cli/render.hpp"

namespace davit::cli {
namespace {

Result<int> show(const Globals& globals, const std::string& backup) {
  Workbench bench(globals);
  TRY_ASSIGN(storage, bench.storage(Workbench::Use::read));
  TRY(bench.sweep());
  TRY_ASSIGN(entry, catalog::find(*storage, globals.value(globals.stack, "DAVIT_STACK"), backup));
  TRY_ASSIGN(manifest, catalog::load(*storage, entry));
  if (globals.json) {
    TRY_ASSIGN(text, catalog::render_manifest(manifest));
    TRY(print(text));
  } else {
    TRY(print(render_manifest_for_people(manifest)));
  }
  return kExitDone;
}

}  // namespace

void add_show(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("show", "Show what a backup holds, and what not");
  auto backup = std::make_shared<std::string>("latest");
  command->add_option("backup", *backup, "Its id, the beginning of one, or latest")->capture_default_str();
  command->callback([&globals, &chosen, backup] { chosen = [&globals, backup] { return show(globals, *backup); }; });
}

}  // namespace davit::cli
