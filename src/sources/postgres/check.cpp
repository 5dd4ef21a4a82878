#include "sources/postgres/check.hpp"

#include <algorithm>
#include <charconv>
#include <format>

#include "sources/assemble.hpp"
#include "sources/basebackup/base_item.hpp"
#include "sources/basebackup/check.hpp"
#include "sources/host_path.hpp"
#include "sources/pgbackrest/set_item.hpp"
#include "sources/place_restore.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/postgres/inventory.hpp"
#include "sources/postgres/seat.hpp"
#include "sources/restore_checks.hpp"
#include "sources/volume_plan.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using model::attribute;

template <class T>
T number(std::string_view text) {
  T value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Conflict fixed(std::string what, std::string remedy) { return {std::move(what), std::move(remedy), false}; }

}  // namespace

Result<> check_databases(const Server& server, const model::Item& item, std::vector<Conflict>& conflicts,
                         RunContext& run) {
  TRY_ASSIGN(present, list_databases(server, run));
  for (const model::Artefact& artefact : item.artefacts) {
    const std::string name = attribute(artefact.attributes, "database");
    const auto found = std::ranges::find(present, name, &Database::name);
    if (artefact.content != model::Content::pg_custom || found == present.end()) continue;
    const std::string shown = "database " + escape_for_display(name) + " of service " + item.id.name;
    if (found->is_template) {
      conflicts.push_back(fixed(shown + " is a template now", "ALTER DATABASE … IS_TEMPLATE false"));
    } else if (!found->allows_connections) {
      conflicts.push_back({shown + " allows no connections, so what it holds is unknown",
                           "--replace puts the backup's contents in its place", true});
    } else {
      TRY_ASSIGN(objects, count_user_objects(server, name, run));
      if (objects > 0)
        conflicts.push_back({std::format("{} holds data ({} objects, {})", shown, objects, render_bytes(found->bytes)),
                             "--replace puts the backup's contents in their place", true});
    }
  }
  return {};
}

namespace {

// TimescaleDB's catalog only fits its own version; of others pg_restore takes whichever is the server's default.
Result<> check_extensions(const Server& server, const model::Item& item, std::vector<Conflict>& conflicts,
                          RunContext& run) {
  TRY_ASSIGN(rows, server.query(server.database(), {"name", "version"}, "from pg_available_extension_versions", run));
  std::vector<std::string> reported;
  for (const model::Artefact& artefact : item.artefacts) {
    for (const auto& [name, version] : parse_extensions(attribute(artefact.attributes, "extensions"))) {
      const bool exact = name == "timescaledb";
      if (std::ranges::any_of(rows, [&](const Row& row) { return row[0] == name && (!exact || row[1] == version); }))
        continue;
      const std::string wanted = exact ? name + " " + version : name;
      if (std::ranges::contains(reported, wanted)) continue;
      reported.push_back(wanted);
      conflicts.push_back(fixed("the server of service " + item.id.name + " has no extension " + wanted,
                                "use the image that the backup was made with: " + attribute(item.attributes, "image")));
    }
  }
  return {};
}

// The dump's length is a fair lower bound: tables take more than their text, and their indexes are not in it.
Result<> check_space(const Server& server, const model::Item& item, std::vector<Conflict>& conflicts, RunContext& run) {
  std::uint64_t needed = 0;
  for (const model::Artefact& artefact : item.artefacts) needed += artefact.plain.bytes;
  TRY_ASSIGN(directory, ask_data_directory(server, run));
  if (directory.empty()) return {};
  TRY_ASSIGN(answer, server.programs().ask({"df", "-Pk", directory}, run));
  const auto lines = split(trim(answer.out), '\n');
  if (answer.outcome.exit_code != 0 || lines.size() < 2) return {};
  std::vector<std::string> fields;
  for (std::string& field : split(lines.back(), ' '))
    if (!field.empty()) fields.push_back(std::move(field));
  if (fields.size() < 4) return {};
  const auto free = number<std::uint64_t>(fields[3]) * 1024;
  if (free < needed)
    conflicts.push_back(fixed(std::format("{} free for the data of service {}, and the dumps alone have {}",
                                          render_bytes(free), item.id.name, render_bytes(needed)),
                              "make room: the old databases are kept until the new ones are complete"));
  return {};
}

Result<> check_running(engine::Engine& engine, const engine::ContainerInfo& container, const model::Item& item,
                       const Target& target, std::vector<Conflict>& conflicts, RunContext& run) {
  TRY_ASSIGN(server, Server::connect(engine, container.id, run));
  std::ranges::move(check_version(recorded_major(item), server.major(), target.allow_version_change, item.id.name),
                    std::back_inserter(conflicts));
  if (server.in_recovery())
    conflicts.push_back(fixed("the server of service " + item.id.name + " is a standby, which takes no changes",
                              "restore into the primary server"));
  if (!server.superuser()) {
    conflicts.push_back(
        fixed("role " + server.user() + " of service " + item.id.name + " is no superuser",
              "a restore needs one: set POSTGRES_USER, or for Bitnami's image POSTGRESQL_POSTGRES_PASSWORD"));
    return {};
  }
  TRY(check_databases(server, item, conflicts, run));
  TRY(check_extensions(server, item, conflicts, run));
  return check_space(server, item, conflicts, run);
}

// Of what is stored, or of what pgBackRest has.
std::uint64_t bytes_of(const model::Item& item) {
  return method_of(item) == Method::pgbackrest ? number<std::uint64_t>(attribute(item.attributes, "size"))
                                               : item.plain_bytes();
}

Result<> check_running_files(engine::Engine& engine, const engine::ContainerInfo& container, const model::Item& item,
                             std::vector<Conflict>& conflicts, RunContext& run) {
  TRY_ASSIGN(found,
             check_files_of_cluster(engine, container, {item.id.name, recorded_major(item), bytes_of(item)}, run));
  std::ranges::move(found, std::back_inserter(conflicts));
  return {};
}

// Looks for a cluster in the mount.
Result<helper::Probe> look_for_cluster(helper::Host& host, const engine::Mount& mount, const std::string& directory,
                                       RunContext& run) {
  helper::Place place;
  if (mount.type == "volume") {
    place.source = mount.name;
    auto there = host.engine().inspect_volume(mount.name);
    if (!there && there.error().code() == Errc::not_found) {
      helper::Probe missing;
      missing.exists = false;
      return missing;
    }
    if (!there) return std::unexpected(std::move(there).error());
  } else {
    place = {helper::Place::Kind::directory, mount.source};
  }
  std::string inside = directory.substr(std::min(directory.size(), mount.destination.size()));
  while (inside.starts_with('/')) inside.erase(0, 1);
  const std::string marker = inside.empty() ? "PG_VERSION" : inside + "/PG_VERSION";
  TRY_ASSIGN(session, helper::Session::open(host, place, helper::Access::read, run));
  TRY_ASSIGN(probe, session.probe({marker}));
  TRY(session.close());
  return probe;
}

// What is free where the mount of a cluster is yet to be made.
Result<std::optional<std::uint64_t>> free_for_cluster(helper::Host& host, const engine::Mount& mount,
                                                      const Target& target, RunContext& run) {
  if (mount.type != "volume") return free_around(host, normal_path(mount.source), run);
  engine::VolumeInfo volume;
  volume.driver = mount.driver;
  if (target.recorded != nullptr)
    if (const Volume* recorded = target.recorded->find_volume(mount.name)) volume = recorded->info;
  return free_for(host, volume, run);
}

Result<> check_stopped(helper::Host& host, const Seating& seating, const model::Item& item, const Target& target,
                       std::vector<Conflict>& conflicts, RunContext& run) {
  const engine::ContainerInfo& container = *seating.container;
  const bool files = method_of(item) != Method::dump;
  const int image_major = number<int>(container.env_value("PG_MAJOR").value_or(""));
  std::ranges::move(files ? check_same_version(recorded_major(item), image_major, item.id.name)
                          : check_version(recorded_major(item), image_major, target.allow_version_change, item.id.name),
                    std::back_inserter(conflicts));
  const std::string directory = data_directory(container);
  const engine::Mount* mount = mount_of(container, directory);
  const std::string start = "start it first: docker compose up -d " + item.id.name;
  if (mount == nullptr || mount->type == "tmpfs") {
    conflicts.push_back(
        fixed("service " + item.id.name + " doesn't run, and keeps its data in the container itself", start));
    return {};
  }
  // A container that this restore makes gets it under the name that it had.
  const bool made = target.starts && target.starts(item.id.name);
  if (mount->type == "volume" && is_anonymous(mount->name) && seating.recorded && !made) {
    conflicts.push_back(
        fixed("service " + item.id.name + " has its data in a volume without a name, and no container", start));
    return {};
  }
  // Two servers on one cluster destroy it, and each keeps to itself in its container, so that neither sees the other.
  TRY_ASSIGN(running, running_containers(host.engine(), run));
  const bool named = mount->type == "volume";
  PlaceCheck place;
  place.what = (named ? "volume " + mount->name : "directory " + mount->source) + " of service " + item.id.name;
  place.users = named ? users_of_volume(running, mount->name, true)
                      : users_of_path(running, normal_path(mount->source), normal_path(mount->source), true);
  place.stack = target.stack;
  TRY_ASSIGN(seen, look_for_cluster(host, *mount, directory, run));
  place.seen.exists = seen.exists;
  place.seen.free_bytes = seen.free_bytes;
  place.needed_bytes = bytes_of(item);
  if (!seen.exists) {
    TRY_ASSIGN(free, free_for_cluster(host, *mount, target, run));
    place.free_around = free;
  }
  std::ranges::move(check_place(place), std::back_inserter(conflicts));

  if (!seen.present.empty())
    conflicts.push_back({"service " + item.id.name + " doesn't run, and its volume holds a cluster already (" +
                             (mount->type == "volume" ? mount->name : mount->source) + ")",
                         files ? "--replace puts the backup's cluster in its place"
                               : "--replace puts the backup's databases in place of those of the same name",
                         true});
  return {};
}

}  // namespace

int recorded_major(const model::Item& item) { return number<int>(attribute(item.attributes, "version")); }

Result<std::vector<Conflict>> check_postgres(helper::Host& host, const model::Item& item, const Target& target,
                                             RunContext& run) {
  std::vector<Conflict> conflicts;
  const Seating seating = find_seating(item, target);
  if (seating.container == nullptr)
    conflicts.push_back(fixed("service " + item.id.name + " is neither in the stack nor in the backup's definition",
                              "make the service first: docker compose up -d " + item.id.name));
  else if (seating.running && method_of(item) != Method::dump)
    TRY(check_running_files(host.engine(), *seating.container, item, conflicts, run));
  else if (seating.running)
    TRY(check_running(host.engine(), *seating.container, item, target, conflicts, run));
  else
    TRY(check_stopped(host, seating, item, target, conflicts, run));
  if (seating.container != nullptr && method_of(item) == Method::pgbackrest) {
    TRY_ASSIGN(missing, check_set(host.engine(), *seating.container, seating.running, item, target, run));
    std::ranges::move(missing, std::back_inserter(conflicts));
  }
  return conflicts;
}

}  // namespace davit::sources
