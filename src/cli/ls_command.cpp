#include <cstdio>
#include <nlohmann/json.hpp>

#include "catalog/catalog.hpp"
#include "cli/commands.hpp"
#include "cli/render.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

// A damaged backup is listed as such and does not hide the others; but the command then ends with the code of its
// damage.
Result<int> ls(const Globals& globals) {
  Workbench bench(globals);
  TRY_ASSIGN(storage, bench.storage(Workbench::Use::read));
  TRY(bench.sweep());
  TRY_ASSIGN(entries, catalog::list(*storage, globals.value(globals.stack, "DAVIT_STACK")));
  std::vector<std::vector<std::string>> rows{{"stack", "backup", "time", "items", "size", "findings"}};
  nlohmann::json list = nlohmann::json::array();
  std::optional<Error> damage;
  for (const catalog::Entry& entry : entries) {
    auto manifest = catalog::load(*storage, entry);
    if (!manifest) {
      rows.push_back({escape_for_display(entry.stack), entry.id, "", "", "", manifest.error().message()});
      list.push_back({{"stack", escape_for_display(entry.stack)},
                      {"id", entry.id},
                      {"problem", escape_for_display(manifest.error().message())}});
      if (!damage) damage = std::move(manifest).error();
      continue;
    }
    rows.push_back({escape_for_display(entry.stack), entry.id, render_rfc3339(manifest->started),
                    std::to_string(manifest->items.size()), render_bytes(manifest->stored_bytes()),
                    std::to_string(manifest->findings.size())});
    list.push_back({{"stack", escape_for_display(entry.stack)},
                    {"id", entry.id},
                    {"started", render_rfc3339(manifest->started)},
                    {"items", manifest->items.size()},
                    {"stored_bytes", manifest->stored_bytes()},
                    {"findings", manifest->findings.size()}});
  }
  if (globals.json)
    TRY(print(list.dump(2) + "\n"));
  else if (!entries.empty())
    TRY(print(render_table(rows)));
  else if (!globals.quiet)
    TRY(print("no backups in " + storage->describe() + "\n"));
  if (!damage) return kExitDone;
  if (!globals.json) return std::unexpected(std::move(*damage));
  // The list is the one document on standard output, and tells of the damage itself.
  const std::string text = render_error(*damage);
  std::fwrite(text.data(), 1, text.size(), stderr);
  return exit_code_of(damage->code());
}

}  // namespace

void add_ls(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("ls", "List backups, the newest last");
  command->callback([&globals, &chosen] { chosen = [&globals] { return ls(globals); }; });
}

}  // namespace davit::cli
