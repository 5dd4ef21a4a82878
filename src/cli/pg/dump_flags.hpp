#pragma once
// What is dumped, how, and what is said of it at the end: for the commands that dump.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "app/pg/dump.hpp"
#include "cli/globals.hpp"

namespace davit::cli {

struct DumpFlags {
  std::vector<std::string> databases;
  std::string compress;
  std::string format;
  int jobs = 1;
};
void add_database_flag(CLI::App& command, std::vector<std::string>& databases);
void add_jobs_flag(CLI::App& command, int& jobs, const std::string& meaning);
void add_dump_flags(CLI::App& command, DumpFlags& flags);
// Errc::usage for a format that there isn't, or several jobs in one that can't have them.
[[nodiscard]] Result<app::PgDumpOptions> dump_options(const DumpFlags& flags);

// Prints what was dumped to `where`, and findings; the exit code. Where only a part was dumped, its error behind that.
[[nodiscard]] Result<int> report_dumps(Workbench& bench, const Globals& globals, app::PgDumpReport report,
                                       const std::string& where);

}  // namespace davit::cli
