#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/one_file.hpp"
#include "app/own_paths.hpp"
#include "cli/commands.hpp"
#include "cli/pg/store_flags.hpp"
#include "cli/render.hpp"
#include "storage/local/object.hpp"
#include "stream/patient_fd.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

namespace fs = std::filesystem;

struct ExportFlags {
  std::string backup = "latest";
  std::string output;
};

// What a killed export has left there. Whatever keeps us from it is no reason to stop.
void clear_temporaries(const std::string& directory, const RunContext& run) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return;
  const auto cleared = storage::local::sweep_temporaries(fd.get(), escape_for_display(directory));
  if (!cleared) return;
  for (const std::string& line : *cleared) run.reporter.note("removed what a dead run had left: " + line);
}

// A new file, which has its name when all of it is on the disk: there is no other with that name, and none that is cut.
Result<app::Transferred> export_to_file(Workbench& bench, const storage::Storage& storage, const std::string& stack,
                                        const ExportFlags& flags) {
  const fs::path path(flags.output);
  const std::string name = path.filename();
  if (name.empty() || name.starts_with('.'))
    return fail(Errc::usage, "--output " + escape_for_display(flags.output) + " is no name for a file",
                "name one, such as backup.tar");
  std::error_code none;
  if (const fs::file_status there = fs::status(path, none); fs::exists(there) && !fs::is_regular_file(there))
    return fail(Errc::usage, escape_for_display(flags.output) + " is no file",
                "name a new file; without --output the backup goes to standard output");
  const std::string parent = path.has_parent_path() ? path.parent_path().string() : ".";
  TRY_ASSIGN(directory, open_directory(parent, storage::LocalStorage::Access::read));
  clear_temporaries(parent, bench.run());
  if (app::lies_in_container(parent))
    bench.run().reporter.warning(escape_for_display(flags.output) +
                                 " is in the container that davit runs in, and goes with it");
  auto writer = directory->create(name);
  if (!writer) return std::unexpected(std::move(writer).error().hint_if_none("name another file, or remove that one"));
  TRY_ASSIGN(exported, app::export_backup(storage, stack, flags.backup, **writer, bench.run()));
  TRY((*writer)->commit());
  return exported;
}

Result<int> run_export(const Globals& globals, const ExportFlags& flags) {
  Workbench bench(globals);
  const bool to_file = !flags.output.empty() && flags.output != "-";
  if (!to_file && globals.json)
    return fail(Errc::usage, "--json and the backup can't both go to standard output", "name a file with --output");
  if (!to_file && ::isatty(STDOUT_FILENO) == 1)
    return fail(Errc::usage, "a backup is no text for a terminal",
                "redirect standard output (> backup.tar), or name a file with --output");
  TRY_ASSIGN(storage, bench.storage(Workbench::Use::read));
  TRY(bench.sweep());
  const std::string stack = globals.value(globals.stack, "DAVIT_STACK");
  if (!to_file) {
    stream::PatientSink sink(STDOUT_FILENO, "standard output", globals.stop);
    TRY_ASSIGN(exported, app::export_backup(*storage, stack, flags.backup, sink, bench.run()));
    bench.progress().note("exported backup " + exported.entry.id + " of " + escape_for_display(exported.entry.stack) +
                          ", " + render_bytes(exported.bytes));
    bench.progress().close();
    return kExitDone;
  }
  TRY_ASSIGN(exported, export_to_file(bench, *storage, stack, flags));
  bench.progress().close();
  const std::string shown = escape_for_display(flags.output);
  std::string text;
  if (globals.json)
    text = transferred_to_json(exported, shown).dump(2) + "\n";
  else if (!globals.quiet)
    text = shown + " holds backup " + exported.entry.id + " of " + escape_for_display(exported.entry.stack) + ", " +
           render_bytes(exported.bytes) + "\n";
  TRY(print_outcome(text, shown + " was written"));
  return kExitDone;
}

}  // namespace

void add_export(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("export", "Write a backup as one file, a tar: davit export BACKUP > file.tar");
  auto flags = std::make_shared<ExportFlags>();
  command->add_option("backup", flags->backup, "Its id, the beginning of one, or latest")->capture_default_str();
  command->add_option("-o,--output", flags->output, "Write a new file instead of to standard output")
      ->type_name("FILE");
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return run_export(globals, *flags); }; });
}

}  // namespace davit::cli
