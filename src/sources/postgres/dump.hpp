#pragma once
// Dumps one artefact of a cluster by the server's own pg_dump and pg_dumpall, compressed by davit.

#include <string>
#include <string_view>
#include <vector>

#include "sources/postgres/server.hpp"
#include "sources/source.hpp"

namespace davit::sources {

[[nodiscard]] Result<std::vector<Finding>> dump_postgres(const Server& server, const model::Item& item,
                                                         model::Artefact& artefact, const stream::Encoding& encoding,
                                                         stream::ByteSink& stored, RunContext& run);

// The warnings in what pg_dump printed beside a good dump that say something about the dump.
[[nodiscard]] std::vector<std::string> warnings_of(std::string_view errors);

}  // namespace davit::sources
