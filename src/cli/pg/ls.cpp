#include <nlohmann/json.hpp>

#include "app/pg/dump_set.hpp"
#include "cli/pg/commands.hpp"
#include "cli/pg/render.hpp"
#include "cli/pg/server_flags.hpp"
#include "cli/pg/store_flags.hpp"

namespace davit::cli {
namespace {

struct Flags {
  ServerFlags server;
  BucketFlags bucket;
  std::string directory;
};

Result<int> list_stored(Workbench& bench, const Globals& globals, const storage::StorageReader& storage) {
  TRY_ASSIGN(dumps, app::list_dumps(storage, {}));
  TRY_ASSIGN(sets, app::list_server_sets(storage));
  bench.progress().close();
  TRY(print(globals.json ? stored_dumps_to_json(dumps, sets).dump(2) + "\n" : render_stored_dumps(dumps, sets)));
  return kExitDone;
}

Result<int> ls(const Globals& globals, const Flags& flags) {
  Workbench bench(globals);
  if (!flags.directory.empty()) {
    TRY_ASSIGN(local, open_directory(flags.directory, storage::LocalStorage::Access::read));
    return list_stored(bench, globals, *local);
  }
  if (!flags.bucket.bucket.empty()) {
    TRY_ASSIGN(bucket, open_bucket(bench, globals, flags.bucket));
    return list_stored(bench, globals, *bucket);
  }
  TRY_ASSIGN(opened, open_server(bench, globals, flags.server, Equipment::none));
  TRY_ASSIGN(databases, sources::list_databases(opened.server, bench.run()));
  std::erase_if(databases, [](const sources::Database& each) { return each.is_template; });
  bench.progress().close();
  TRY(print(globals.json ? databases_to_json(opened.server, databases).dump(2) + "\n"
                         : render_databases(opened.server, databases)));
  return kExitDone;
}

}  // namespace

void add_pg_ls(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("ls", "List databases of a server, or the dumps in a directory or bucket");
  auto flags = std::make_shared<Flags>();
  add_server_flags(*command, flags->server);
  CLI::Option* directory =
      command->add_option("--dir", flags->directory, "List the dumps in this directory")->type_name("DIR");
  add_bucket_flags(*command, flags->bucket)->excludes(directory);
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return ls(globals, *flags); }; });
}

}  // namespace davit::cli
