#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "app/one_file.hpp"
#include "cli/backup_file.hpp"
#include "cli/commands.hpp"
#include "cli/render.hpp"
#include "stream/patient_fd.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

// Any file that bytes can be read from, a pipe too. "-": standard input, which stays open.
Result<UniqueFd> open_input(const std::string& path) {
  if (path == "-") {
    if (::isatty(STDIN_FILENO) == 1)
      return fail(Errc::usage, "standard input is a terminal",
                  "name the file, or pass it on standard input (< backup.tar)");
    UniqueFd fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!fd) return fail_errno(errno, "read standard input");
    return fd;
  }
  const std::string what = "open " + escape_for_display(path);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::unexpected(with_mount_hint(fail_errno(errno, what).error(), path));
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, what);
  if (S_ISDIR(status.st_mode))
    return fail(Errc::usage, what + ": it is a directory", "name a file that `davit export` wrote");
  return fd;
}

Result<int> run_import(const Globals& globals, const std::string& path) {
  Workbench bench(globals);
  TRY_ASSIGN(input, open_input(path));
  const std::string name = path == "-" ? "standard input" : escape_for_display(path);
  TRY_ASSIGN(storage, bench.storage(Workbench::Use::write));
  TRY(bench.sweep());
  TRY(bench.check_repository_outlives_without_engine());
  stream::PatientSource source(input.get(), name, globals.stop);
  TRY_ASSIGN(imported, app::import_backup(source, name, *storage, bench.run()));
  bench.progress().close();
  std::string text;
  const std::string what = "backup " + imported.entry.id + " of " + escape_for_display(imported.entry.stack);
  if (globals.json)
    text = transferred_to_json(imported, storage->describe()).dump(2) + "\n";
  else if (globals.quiet)
    text = imported.entry.id + "\n";
  else
    text =
        what + (imported.was_there ? " is in " + storage->describe() + " already, and " + name + " is whole\n"
                                   : " is in " + storage->describe() + " now, " + render_bytes(imported.bytes) + "\n");
  TRY(print_outcome(text, what + " was imported"));
  return kExitDone;
}

}  // namespace

void add_import(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("import", "Take a backup from a file of davit export into the repository");
  auto path = std::make_shared<std::string>();
  command->add_option("file", *path, "The file; - for standard input")->required();
  command->callback([&globals, &chosen, path] { chosen = [&globals, path] { return run_import(globals, *path); }; });
}

}  // namespace davit::cli
