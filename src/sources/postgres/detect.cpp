#include "sources/postgres/detect.hpp"

#include <algorithm>
#include <array>

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

}  // namespace

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

std::vector<std::string> mounts_holding(const engine::ContainerInfo& container, const std::vector<std::string>& paths) {
  std::vector<std::string> found;
  const auto add = [&found](const engine::Mount& mount) {
    const std::string& name = mount.type == "volume" ? mount.name : mount.source;
    if (mount.type != "tmpfs" && !name.empty() && !std::ranges::contains(found, name)) found.push_back(name);
  };
  for (const std::string& path : paths) {
    if (const engine::Mount* mount = mount_of(container, path)) add(*mount);
    for (const engine::Mount& mount : container.mounts)
      if (mount.writable && is_at_or_above(path, mount.destination)) add(mount);
  }
  return found;
}

}  // namespace davit::sources
