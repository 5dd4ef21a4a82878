#include "cli/pg/commands.hpp"

namespace davit::cli {

void add_pg_commands(CLI::App& app, const Globals& globals, Action& chosen) {
  app.require_subcommand(1);
  add_pg_ls(app, globals, chosen);
  add_pg_dump(app, globals, chosen);
  add_pg_dumpall(app, globals, chosen);
  add_pg_basebackup(app, globals, chosen);
  add_pg_restore(app, globals, chosen);
  add_pg_upload(app, globals, chosen);
  add_pg_download(app, globals, chosen);
  add_pg_backup(app, globals, chosen);
}

void add_pg(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command =
      app.add_subcommand("pg", "Dump and restore PostgreSQL databases of any server, and keep them in S3");
  add_pg_commands(*command, globals, chosen);
}

}  // namespace davit::cli
