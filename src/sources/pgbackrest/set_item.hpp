#pragma once
// A cluster as an item that pgBackRest backs up (label davit.postgres=pgbackrest). What is stored is not the cluster
// but what leads to it: which set of which stanza in which repository; a restore has pgBackRest bring back that very
// set. See docs/pgbackrest.md.

#include <optional>
#include <string>

#include "helper/session.hpp"
#include "sources/pgbackrest/pgbackrest.hpp"
#include "sources/pgbackrest/setup.hpp"
#include "sources/source.hpp"

namespace davit::sources {

// PGBACKREST_STANZA of the container, its label davit.pgbackrest.stanza, or "db".
[[nodiscard]] std::string stanza_of(const engine::ContainerInfo& container);
// Its label davit.pgbackrest.type; nothing: it has none.
[[nodiscard]] Result<std::optional<BackupType>> type_of(const engine::ContainerInfo& container);

// Errc::not_found, with what to do, where there is no stanza yet. REQUIRES: the attributes that every cluster has are
// set.
[[nodiscard]] Result<> plan_set_item(engine::Engine& engine, const Stack& stack, const engine::ContainerInfo& container,
                                     model::Item& item, Plan& plan, const stream::Encoding& encoding, RunContext& run);
// Has pgBackRest make a backup, a full one if there is none it could build on, and stores what leads to it.
[[nodiscard]] Result<std::vector<Finding>> dump_set(engine::Engine& engine, const engine::ContainerInfo& container,
                                                    BackupType type, model::Item& item, model::Artefact& artefact,
                                                    const stream::Encoding& encoding, stream::ByteSink& stored,
                                                    RunContext& run);
// Reads what is stored, and looks whether the repository still has the set. Errc::corrupt: it hasn't.
// Errc::unavailable: it can't be asked.
[[nodiscard]] Result<> verify_set(engine::Engine& engine, const model::Item& item, const model::Artefact& artefact,
                                  stream::ByteSource& stored, const Stack& recorded, RunContext& run);
// Whether the set can be had, where the cluster is to be restored. `running`: the container does.
[[nodiscard]] Result<std::vector<Conflict>> check_set(engine::Engine& engine, const engine::ContainerInfo& container,
                                                      bool running, const model::Item& item, const Target& target,
                                                      RunContext& run);
[[nodiscard]] Result<std::unique_ptr<Restoration>> restore_set(helper::Host& host, const model::Item& item,
                                                               const Target& target, const ControlOf& control_of,
                                                               RunContext& run);

// What is stored; pure.
[[nodiscard]] std::string render_set(const BackupSet& set, const std::string& stanza,
                                     const std::vector<Tablespace>& tablespaces, const RepositoryPlace& repository);
// The label of the set. Errc::corrupt for anything that render_set() does not write.
[[nodiscard]] Result<std::string> parse_set_label(std::string_view text);

}  // namespace davit::sources
