#include "sources/basebackup/check.hpp"

#include <charconv>

#include "sources/pgbackrest/room.hpp"
#include "sources/postgres/inventory.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// "postgres (PostgreSQL) 17.5 (Debian …)"; some images have the server's program outside of the PATH.
constexpr const char* kVersion =
    R"sh(postgres -V 2>/dev/null || pg_ctl -V 2>/dev/null || pg_basebackup -V 2>/dev/null || :)sh";

int major_in(std::string_view line) {
  const auto mark = line.find("(PostgreSQL) ");
  int major = 0;
  if (mark != std::string_view::npos) {
    line.remove_prefix(mark + 13);
    std::from_chars(line.data(), line.data() + line.size(), major);
  }
  return major;
}

// What of the user's the server holds; empty: nothing, as a new one.
Result<std::string> holdings(const Server& server, RunContext& run) {
  TRY_ASSIGN(databases, list_databases(server, run));
  for (const Database& each : databases) {
    if (each.name == "template0" || each.name == "template1") continue;
    if (!each.allows_connections) return "database " + escape_for_display(each.name);
    TRY_ASSIGN(objects, count_user_objects(server, each.name, run));
    if (objects > 0)
      return "database " + escape_for_display(each.name) + " with " + std::to_string(objects) + " objects";
  }
  return std::string();
}

}  // namespace

std::vector<Conflict> check_same_version(int recorded, int present, const std::string& service) {
  if (recorded == 0 || present == 0 || recorded == present) return {};
  return {{"the server of service " + service + " is PostgreSQL " + std::to_string(present) +
               ", and the backup holds files of PostgreSQL " + std::to_string(recorded),
           "use an image of PostgreSQL " + std::to_string(recorded) + ", and upgrade afterwards", false}};
}

Result<std::vector<Conflict>> check_files_of_cluster(engine::Engine& engine, const engine::ContainerInfo& container,
                                                     const FilesCheck& check, RunContext& run) {
  TRY_ASSIGN(cluster, cluster_in_container(engine, container.id, run));
  TRY_ASSIGN(version, cluster.programs().ask({"sh", "-c", kVersion}, run));
  std::vector<Conflict> conflicts = check_same_version(check.recorded_major, major_in(version.out), check.service);
  TRY_ASSIGN(there,
             cluster.programs().ask({"sh", "-c", R"([ -e "$1/PG_VERSION" ])", "davit", cluster.data_directory()}, run));
  const auto replaceable = [&](const std::string& what) {
    conflicts.push_back({"the cluster of service " + check.service + " " + what + ", and is replaced as a whole",
                         "--replace puts the backup's cluster in its place", true});
  };
  if (there.outcome.exit_code == 0) {
    // One that is damaged is no less its user's.
    const auto server = Server::connect(engine, container.id, run);
    if (!server && server.error().code() == Errc::cancelled) return std::unexpected(server.error());
    if (!server) {
      replaceable("is there, and its server doesn't answer");
    } else {
      TRY_ASSIGN(holds, holdings(*server, run));
      if (!holds.empty()) replaceable("holds data (" + holds + ")");
    }
  }
  const DataSwap swap(cluster);
  TRY_ASSIGN(left, swap.state(run));
  if (left != DataSwap::State::none) return conflicts;  // what is there is put right first, and its room is free then
  TRY_ASSIGN(space, swap.space(run));
  if (const std::uint64_t wanted = room_for_cluster(check.bytes); space.free < wanted)
    conflicts.push_back({render_bytes(space.free) + " are free for the cluster of service " + check.service +
                             ", and the new one, which comes to lie beside the old one, takes " + render_bytes(wanted),
                         "make room on the file system of its data directory", false});
  return conflicts;
}

}  // namespace davit::sources
