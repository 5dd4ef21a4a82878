#pragma once
// Where pgBackRest runs: in the container of a database, by exec, or on this machine, where davit is called inside of
// that container, as a scheduler's job-exec does.

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "cli/globals.hpp"
#include "sources/pgbackrest/pgbackrest.hpp"

namespace davit::cli {

struct PlaceFlags {
  std::string container;
  std::string service;
  std::string stanza;
};
void add_place_flags(CLI::App& command, PlaceFlags& flags);

// Whether davit is meant to work inside of the database's container, which it is in: no container, service or stack is
// named, and there is a pgbackrest.
[[nodiscard]] bool is_inside(const Globals& globals, const PlaceFlags& flags);
// From outside: the container of the database, which may not run. Errors name what there is.
[[nodiscard]] Result<engine::ContainerInfo> find_database(Workbench& bench, const PlaceFlags& flags);
// `--stanza`, PGBACKREST_STANZA of the container, the label davit.pgbackrest.stanza, or "db".
[[nodiscard]] std::string stanza_of(const Globals& globals, const PlaceFlags& flags,
                                    const std::optional<engine::ContainerInfo>& container);

// pgBackRest where the flags say. Inside, and as root, this process becomes the cluster's user. Errc::unavailable: the
// container doesn't run.
[[nodiscard]] Result<sources::PgBackRest> open_pgbackrest(Workbench& bench, const Globals& globals,
                                                          const PlaceFlags& flags);
// Inside: as the cluster's user.
[[nodiscard]] Result<sources::Cluster> cluster_inside(const Globals& globals);

}  // namespace davit::cli
