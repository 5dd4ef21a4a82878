#include <nlohmann/json.hpp>

#include "catalog/catalog.hpp"
#include "catalog/exported/reader.hpp"
#include "cli/backup_file.hpp"
#include "cli/commands.hpp"
#include "cli/render.hpp"
#include "stream/fd_stream.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

// What the file says that it holds: all else of it is not read.
Result<catalog::Manifest> manifest_of_file(const std::string& path) {
  auto fd = catalog::exported::open_file(path);
  if (!fd) return std::unexpected(with_mount_hint(std::move(fd).error(), path));
  const std::string shown = escape_for_display(path);
  stream::FdSource source(*std::move(fd), shown);
  catalog::exported::Reader reader(source, shown);
  TRY(reader.begin());
  return reader.manifest();
}

Result<catalog::Manifest> find_manifest(Workbench& bench, const Globals& globals, const std::string& backup) {
  if (is_file(backup)) {
    TRY(bench.sweep());
    return manifest_of_file(backup);
  }
  TRY_ASSIGN(storage, bench.storage(Workbench::Use::read));
  TRY(bench.sweep());
  TRY_ASSIGN(entry, catalog::find(*storage, globals.value(globals.stack, "DAVIT_STACK"), backup));
  return catalog::load(*storage, entry);
}

Result<int> show(const Globals& globals, const std::string& backup) {
  Workbench bench(globals);
  TRY_ASSIGN(manifest, find_manifest(bench, globals, backup));
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
  command->add_option("backup", *backup, kBackupHelp)->capture_default_str();
  command->callback([&globals, &chosen, backup] { chosen = [&globals, backup] { return show(globals, *backup); }; });
}

}  // namespace davit::cli
