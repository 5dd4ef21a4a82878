#pragma once
// `davit pg …`, and the same commands of the binary that is called `bak`.

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"

namespace davit::cli {

// The commands themselves: ls, dump, dumpall, basebackup, restore, upload, download, backup.
void add_pg_commands(CLI::App& app, const Globals& globals, Action& chosen);

void add_pg_ls(CLI::App& app, const Globals& globals, Action& chosen);
void add_pg_dump(CLI::App& app, const Globals& globals, Action& chosen);
void add_pg_restore(CLI::App& app, const Globals& globals, Action& chosen);
void add_pg_dumpall(CLI::App& app, const Globals& globals, Action& chosen);
void add_pg_basebackup(CLI::App& app, const Globals& globals, Action& chosen);
void add_pg_upload(CLI::App& app, const Globals& globals, Action& chosen);
void add_pg_download(CLI::App& app, const Globals& globals, Action& chosen);
void add_pg_backup(CLI::App& app, const Globals& globals, Action& chosen);

}  // namespace davit::cli
