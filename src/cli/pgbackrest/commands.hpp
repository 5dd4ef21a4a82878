#pragma once
// The commands of `davit pgbackrest`, and `davit init`, which sets up what they need.

#include "cli/commands.hpp"

namespace davit::cli {

void add_pgbackrest(CLI::App& app, const Globals& globals, Action& chosen);
void add_init(CLI::App& app, const Globals& globals, Action& chosen);

void add_pgbackrest_backup(CLI::App& app, const Globals& globals, Action& chosen);
void add_pgbackrest_info(CLI::App& app, const Globals& globals, Action& chosen);
void add_pgbackrest_verify(CLI::App& app, const Globals& globals, Action& chosen);
void add_pgbackrest_restore(CLI::App& app, const Globals& globals, Action& chosen);

}  // namespace davit::cli
