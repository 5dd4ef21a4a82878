#include "sources/postgres/plan.hpp"

#include "sources/basebackup/base_item.hpp"
#include "sources/host_path.hpp"
#include "sources/pgbackrest/set_item.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/postgres/inventory.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;

// A server that has just been started may take a moment to let anybody in.
Result<Server> connect_patiently(engine::Engine& engine, const engine::ContainerId& container, RunContext& run) {
  const auto deadline = run.clock.steady() + 15s;
  while (true) {
    auto server = Server::connect(engine, container, run);
    if (server || server.error().code() != Errc::unavailable || run.clock.steady() >= deadline) return server;
    TRY(run.check());
    run.clock.sleep_for(500ms);
  }
}

// Images of servers also serve for clients (a migration, a cron job): those have no cluster.
Result<bool> has_cluster(engine::Engine& engine, const engine::ContainerInfo& container, RunContext& run) {
  engine::Command command;
  command.argv = {"sh", "-c", R"([ ! -x "$1" ] || [ -e "$1/PG_VERSION" ])", "davit", data_directory(container)};
  TRY_ASSIGN(answer, engine::run_command_for_text(engine, container.id, command, run));
  return answer.outcome.exit_code == 0;
}

Result<> plan_artefacts(const Server& server, model::Item& item, Plan& plan, const stream::Encoding& encoding,
                        RunContext& run) {
  const std::string folder = "db/" + artefact_name(item.id.name) + "/";
  const std::string suffix(stream::file_suffix(encoding.codec));
  const auto artefact = [&](const std::string& path, model::Content content) {
    model::Artefact planned;
    planned.path = folder + path + suffix;
    planned.content = content;
    planned.codec = encoding.codec;
    return planned;
  };
  item.artefacts.push_back(artefact("globals.sql", model::Content::sql));
  TRY_ASSIGN(databases, list_databases(server, run));
  for (const Database& database : databases) {
    if (const auto obstacle = database.obstacle()) {
      // Every cluster has these two.
      if (database.name == "template0" || database.name == "template1") continue;
      item.attributes["skipped." + database.name] = *obstacle;
      plan.not_covered.push_back({item.id.text() + " database " + escape_for_display(database.name), *obstacle});
      continue;
    }
    model::Artefact dump = artefact(artefact_name(database.name) + ".dump", model::Content::pg_custom);
    dump.attributes = database.properties;
    dump.attributes["database"] = database.name;
    dump.attributes["size"] = std::to_string(database.bytes);
    TRY_ASSIGN(extensions, list_extensions(server, database.name, run));
    dump.attributes["extensions"] = render_extensions(extensions);
    item.artefacts.push_back(std::move(dump));
  }
  return {};
}

// The volumes and binds that the dump stands for. Of others the cluster's files are copied with the rest.
void cover_mounts(const Stack& stack, const Service& service, const engine::ContainerInfo& container,
                  const HeldPaths& held, const model::ItemId& id, Plan& plan) {
  for (const HeldMount& mount : mounts_holding(stack, service, container, held)) {
    const std::string why = mount.why_copied();
    if (why.empty()) {
      plan.covered_volumes.emplace(mount.name, id);
      continue;
    }
    const Volume* volume = mount.volume ? stack.find_volume(mount.name) : nullptr;
    plan.not_covered.push_back(
        {id.text() + " as files",
         (mount.volume ? "volume " + (volume != nullptr ? volume->key : mount.name) : "directory " + mount.name) +
             " is not left out for the dump (" + why +
             "): what it has of a cluster is copied while it changes, and only the dump is "
             "consistent"});
  }
}

Result<> plan_server(engine::Engine& engine, const Server& server, const Stack& stack, const Service& service,
                     const engine::ContainerInfo& container, model::Item item, Plan& plan,
                     const stream::Encoding& encoding, RunContext& run) {
  item.consistency = model::Consistency::dump;
  item.attributes["version"] = server.version_text();
  item.attributes["image"] = container.image;
  item.attributes["user"] = server.user();
  TRY_ASSIGN(directory, ask_data_directory(server, run));
  if (directory.empty()) directory = data_directory(container);
  item.attributes["data_directory"] = directory;
  HeldPaths held{directory};
  // Where the transaction log was put elsewhere, it is of no use without the rest.
  if (const auto wal = container.env_value("POSTGRES_INITDB_WALDIR"); wal && !wal->empty()) held.others.push_back(*wal);
  TRY_ASSIGN(tablespaces, list_tablespaces(server, run));
  for (const auto& [name, location] : tablespaces) {
    item.attributes["tablespace." + name] = location;
    held.others.push_back(location);
  }
  switch (service.settings.postgres) {
    case Settings::Postgres::basebackup:
      TRY(plan_base_item(server, container, item, plan, encoding, run));
      break;
    case Settings::Postgres::pgbackrest:
      TRY(plan_set_item(engine, stack, container, item, plan, encoding, run));
      break;
    default:
      TRY(plan_artefacts(server, item, plan, encoding, run));
  }
  cover_mounts(stack, service, container, held, item.id, plan);
  plan.items.push_back(std::move(item));
  return {};
}

}  // namespace

Result<Plan> plan_postgres(engine::Engine& engine, const Stack& stack, const stream::Encoding& encoding,
                           const Takes& takes, Servers& servers, RunContext& run) {
  Plan plan;
  servers.clear();
  for (const Service& service : stack.services) {
    if (!service.settings.enable || !looks_like_postgres(service)) continue;
    const bool asked_for = service.settings.postgres != Settings::Postgres::automatic;
    model::Item item;
    item.id = {model::ItemKind::postgres, service.name};
    item.services = {service.name};
    // Whether it is a server at all stays open: it may be paused, or refuse us.
    if (!takes(item.id)) {
      plan.items.push_back(std::move(item));
      continue;
    }
    const engine::ContainerInfo* container = service.running_container();
    if (container == nullptr) {
      const bool files = service.settings.postgres == Settings::Postgres::basebackup ||
                         service.settings.postgres == Settings::Postgres::pgbackrest;
      if (asked_for || mount_of(service.containers.front(), data_directory(service.containers.front())) != nullptr)
        plan.not_covered.push_back({item.id.text(), "its service doesn't run, so there is no " +
                                                        std::string(files ? "backup of it" : "dump") +
                                                        "; its volumes are backed up as they are"});
      continue;
    }
    const std::string doing = "connect to " + item.id.text();
    if (!asked_for) {
      TRY_ASSIGN(cluster, in_context(has_cluster(engine, *container, run), doing));
      if (!cluster) {
        log_info("service " + service.name + " has an image of PostgreSQL, but no cluster: no server");
        continue;
      }
    }
    auto server = connect_patiently(engine, container->id, run);
    if (!server)
      return std::unexpected(std::move(server).error().context(doing).hint_if_none(
          "set the label davit.postgres=off on the service to back up its volumes only"));
    const std::string planning = "plan " + item.id.text();
    TRY(in_context(plan_server(engine, *server, stack, service, *container, std::move(item), plan, encoding, run),
                   planning));
    servers.emplace(service.name, std::move(*server));
  }
  return plan;
}

}  // namespace davit::sources
