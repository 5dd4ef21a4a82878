#pragma once
// The names of dumps of single databases, and of what lies beside them (docs/bak.md). A name is a key of storage, and
// so also a file's name:
//   fence_db-20261121T083000Z.sql          the dump, in pg_dump's custom format
//   fence_db-20261121T083000Z.dir.tar      the same, in its directory format, as a tar
//   ….sql.sha256, ….sql.json               its digest as sha256sum writes it, and what is known of it
//   fence_db-20261121T083000Z.tar          the same, in its tar format
//   20261121T083000Z.globals.sql           roles and tablespaces of the server, for all dumps of that time
//   20261121T083000Z.base.tar.zst          a base backup of the whole cluster
//   20261121T083000Z.all.sql.zst           all databases, as pg_dumpall writes them

#include <optional>
#include <string>
#include <string_view>

namespace davit::app {

inline constexpr std::string_view kDigestSuffix = ".sha256";
inline constexpr std::string_view kRecordSuffix = ".json";

struct DumpName {
  std::string database;
  std::string time;        // "20261121T083000Z"; empty: a dump that somebody else has made, and named
  bool directory = false;  // a tar of the directory format
  bool tar = false;        // the tar format
};

[[nodiscard]] std::string render_dump_name(const DumpName& name);
// Of the last part of `key`. Also names that others give: "fence.sql", "fence.dump", "fence.pgdump". Nothing for
// globals, digests, records and everything else.
[[nodiscard]] std::optional<DumpName> parse_dump_name(std::string_view key);

// What holds a whole server.
struct ServerSetName {
  enum class Kind { base, script } kind = Kind::base;
  std::string time;
  bool operator==(const ServerSetName&) const = default;
};
[[nodiscard]] std::string render_server_set_name(const ServerSetName& name);
// Of the last part of `key`, also of one that isn't compressed. Nothing for anything else.
[[nodiscard]] std::optional<ServerSetName> parse_server_set_name(std::string_view key);

[[nodiscard]] std::string globals_name(std::string_view time);
// The time of globals; nothing for any other key.
[[nodiscard]] std::optional<std::string> globals_time(std::string_view key);

// What a digest, a record or a dump belongs to: the key of the dump, the globals or the set of a whole server.
[[nodiscard]] std::string_view without_side_suffix(std::string_view key);

}  // namespace davit::app
