#pragma once
// Reading an archive of pg_dump -Fc that comes as a stream. Its beginning is a table of contents, which pg_restore can
// print while the data behind it are still to come: that is how the statements that make the database itself, with its
// settings and privileges, are had before the first row is restored.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sources/postgres/server.hpp"
#include "stream/byte_stream.hpp"

namespace davit::sources {

// The first bytes, then what `rest` still has.
class PrefixedSource : public stream::ByteSource {
 public:
  // REQUIRES: both outlive it. Tells `run` of every byte that goes by.
  PrefixedSource(std::span<const std::byte> head, stream::ByteSource& rest, RunContext& run)
      : head_(head), rest_(rest), run_(run) {}
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  std::span<const std::byte> head_;
  stream::ByteSource& rest_;
  RunContext& run_;
};

// Reads what is left, to the verified end.
[[nodiscard]] Result<> drain(stream::ByteSource& source);

struct ArchiveForm {
  bool directory = false;                   // a tar of the directory format
  std::vector<std::string> ownership = {};  // as Filling::ownership()
};
struct ArchiveHead {
  std::vector<std::byte> bytes;         // as far as the archive was read
  std::vector<std::string> statements;  // CREATE DATABASE and what belongs to it, as pg_restore writes them
  bool timescale = false;               // it holds the extension TimescaleDB
};
// Reads as much of `plain` as holds the whole table of contents. Errc::corrupt if it is none.
[[nodiscard]] Result<ArchiveHead> read_head(const Server& server, stream::ByteSource& plain, const ArchiveForm& form,
                                            RunContext& run);
// Has pg_restore read all of it, and write it to nowhere: a cut archive fails there, where a list of it would not.
// Errc::corrupt.
[[nodiscard]] Result<> check_archive(const Programs& programs, stream::ByteSource& plain, bool directory,
                                     RunContext& run);

// The statements to run to have the database under another name. Only those that concern a database pass.
// Errc::corrupt if no CREATE DATABASE is among them.
[[nodiscard]] Result<std::vector<std::string>> statements_for(const std::vector<std::string>& statements,
                                                              std::string_view name);

}  // namespace davit::sources
