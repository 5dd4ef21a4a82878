#include "sources/postgres/detect.hpp"

#include <algorithm>
#include <array>

#include "sources/host_path.hpp"

namespace davit::sources {
namespace {

// Names of images, without their registry and owner, that run a PostgreSQL server.
constexpr std::array<std::string_view, 12> kServerImages{
    "postgres", "postgresql", "postgresql-repmgr", "postgis",  "timescaledb", "timescaledb-ha",
    "pgvector", "pgvecto-rs", "vchord-postgres",   "paradedb", "citus",       "spilo"};

bool is_at_or_above(std::string_view directory, std::string_view path) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.remove_suffix(1);
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

// Where images of servers want a volume for their cluster and nothing else, which lies at or below it.
constexpr std::array<std::string_view, 4> kClusterMounts{"/var/lib/postgresql/data", "/var/lib/postgresql",
                                                         "/bitnami/postgresql", "/home/postgres/pgdata"};

bool is_for_the_cluster(std::string_view destination, std::string_view data) {
  // The mount is the data directory.
  return is_at_or_above(data, destination) || std::ranges::contains(kClusterMounts, normal_path(destination));
}

// Services beside this one that have the same contents, or a part of them.
std::vector<std::string> others_using(const Stack& stack, const Service& service, const engine::Mount& held) {
  std::vector<std::string> others;
  const auto same = [&held](const engine::Mount& mount) {
    if (mount.type != held.type) return false;
    if (mount.type == "volume") return mount.name == held.name;
    return path_below(normal_path(mount.source), normal_path(held.source)).has_value();
  };
  for (const Service& other : stack.services)
    if (other.name != service.name &&
        std::ranges::any_of(other.containers, [&](const engine::ContainerInfo& container) {
          return std::ranges::any_of(container.mounts, same);
        }))
      others.push_back(other.name);
  return others;
}

}  // namespace

std::string HeldMount::why_copied() const {
  if (!other_users.empty()) {
    std::string names;
    for (const std::string& other : other_users) names += (names.empty() ? "" : ", ") + other;
    return "used by " + names + " too";
  }
  return room_at.empty() ? std::string() : "it may hold other files in " + room_at;
}

std::string_view image_name(std::string_view reference) {
  reference = reference.substr(0, reference.find('@'));
  if (const auto slash = reference.rfind('/'); slash != std::string_view::npos) reference.remove_prefix(slash + 1);
  return reference.substr(0, reference.find(':'));
}

bool looks_like_postgres(const Service& service) {
  switch (service.settings.postgres) {
    case Settings::Postgres::off:
      return false;
    case Settings::Postgres::dump:
    case Settings::Postgres::basebackup:
    case Settings::Postgres::pgbackrest:
      return true;
    case Settings::Postgres::automatic:
      break;
  }
  return std::ranges::any_of(service.containers, [](const engine::ContainerInfo& container) {
    return std::ranges::contains(kServerImages, image_name(container.image)) ||
           container.env_value("PGDATA").has_value();
  });
}

std::string data_directory(const engine::ContainerInfo& container) {
  auto set = container.env_value("PGDATA");
  std::string path = set && !set->empty() ? *set : "/var/lib/postgresql/data";
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

const engine::Mount* mount_of(const engine::ContainerInfo& container, std::string_view path) {
  const engine::Mount* deepest = nullptr;
  for (const engine::Mount& mount : container.mounts)
    if (is_at_or_above(mount.destination, path) &&
        (deepest == nullptr || mount.destination.size() > deepest->destination.size()))
      deepest = &mount;
  return deepest;
}

std::vector<HeldMount> mounts_holding(const Stack& stack, const Service& service,
                                      const engine::ContainerInfo& container, const HeldPaths& paths) {
  std::vector<HeldMount> found;
  const auto add = [&](const engine::Mount& mount, bool has_room) {
    const std::string& name = mount.type == "volume" ? mount.name : mount.source;
    if (mount.type == "tmpfs" || name.empty()) return;
    auto held = std::ranges::find(found, name, &HeldMount::name);
    if (held == found.end())
      held = found.insert(found.end(), {name, mount.type == "volume", others_using(stack, service, mount), ""});
    if (has_room) held->room_at = mount.destination;
  };
  const auto add_all = [&](const std::string& path, bool is_data) {
    if (const engine::Mount* mount = mount_of(container, path))
      add(*mount, is_data && !is_for_the_cluster(mount->destination, path));
    for (const engine::Mount& mount : container.mounts)
      if (mount.writable && is_at_or_above(path, mount.destination)) add(mount, false);
  };
  add_all(paths.data, true);
  for (const std::string& path : paths.others) add_all(path, false);
  return found;
}

}  // namespace davit::sources
