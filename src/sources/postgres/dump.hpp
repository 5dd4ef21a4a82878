#pragma once
// Dumps of a cluster by the server's own pg_dump and pg_dumpall: one artefact of an item, compressed by davit; or a
// database by itself, in a form that pg_restore reads as it is.

#include <string>
#include <string_view>
#include <vector>

#include "sources/postgres/server.hpp"
#include "sources/source.hpp"

namespace davit::sources {

[[nodiscard]] Result<std::vector<Finding>> dump_postgres(const Server& server, const model::Item& item,
                                                         model::Artefact& artefact, const stream::Encoding& encoding,
                                                         stream::ByteSink& stored, RunContext& run);

struct DumpForm {
  std::string compress = {};  // the value of pg_dump's -Z; empty: its default
  int jobs = 1;               // more than one only for the directory format
  enum class Format { custom, tar, directory } format = Format::custom;  // directory: a tar of it, toc.dat first
};
// All write to `out`, which is not finished by this, and return the warnings that say something about the dump.
// Errc::unavailable if the server went away meanwhile.
[[nodiscard]] Result<std::vector<std::string>> dump_database(const Server& server, const std::string& database,
                                                             const DumpForm& form, stream::ByteSink& out,
                                                             RunContext& run);
// All databases with roles and tablespaces, as pg_dumpall writes them.
[[nodiscard]] Result<std::vector<std::string>> dump_everything(const Server& server, stream::ByteSink& out,
                                                               RunContext& run);
[[nodiscard]] Result<std::vector<std::string>> dump_globals(const Server& server, stream::ByteSink& out,
                                                            RunContext& run);

// The warnings in what pg_dump printed beside a good dump that say something about the dump.
[[nodiscard]] std::vector<std::string> warnings_of(std::string_view errors);

}  // namespace davit::sources
