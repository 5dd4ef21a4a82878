#pragma once
// A cluster as an item that is backed up by pg_basebackup (label davit.postgres=basebackup): one artefact, the base
// backup, encoded by davit.

#include "helper/session.hpp"
#include "sources/postgres/server.hpp"
#include "sources/source.hpp"

namespace davit::sources {

// How the artefacts of an item of kind postgres were made: its attribute "method"; missing: dumps.
enum class Method { dump, basebackup, pgbackrest };
[[nodiscard]] Method method_of(const model::Item& item);

// REQUIRES: the attributes that every cluster has are set.
[[nodiscard]] Result<> plan_base_item(const Server& server, const engine::ContainerInfo& container, model::Item& item,
                                      Plan& plan, const stream::Encoding& encoding, RunContext& run);
[[nodiscard]] Result<std::vector<Finding>> dump_base(const Server& server, const model::Item& item,
                                                     model::Artefact& artefact, const stream::Encoding& encoding,
                                                     stream::ByteSink& stored, RunContext& run);
// Every file is held against the manifest that the server made with the backup.
[[nodiscard]] Result<> verify_base(const model::Item& item, const model::Artefact& artefact, stream::ByteSource& stored,
                                   RunContext& run);
[[nodiscard]] Result<std::unique_ptr<Restoration>> restore_base(helper::Host& host, const model::Item& item,
                                                                const Target& target, const ControlOf& control_of,
                                                                RunContext& run);

}  // namespace davit::sources
