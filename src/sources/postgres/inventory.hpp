#pragma once
// What a cluster holds: databases with what a restore must know of them, extensions, tablespaces. Read by plain
// queries.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/item.hpp"
#include "sources/postgres/server.hpp"

namespace davit::sources {

struct Database {
  std::uint32_t oid = 0;
  std::string name;
  std::uint64_t bytes = 0;  // on disk
  bool allows_connections = true;
  bool is_template = false;
  int connection_limit = -1;
  model::Attributes properties;  // owner, encoding, collate, ctype, locale_provider, locale, tablespace

  // Why it can't be dumped; nothing if it can.
  [[nodiscard]] std::optional<std::string> obstacle() const;
};

// The names of databases that a restore makes on its way. `run_id` may be of any length; `number` counts from 1.
enum class Stage { fresh, old };
[[nodiscard]] std::string stage_name(Stage stage, std::string_view run_id, std::size_t number);
// Which kind of such a name it is, if it is one: a database that an interrupted restore left.
[[nodiscard]] std::optional<Stage> stage_of(std::string_view name);
// The begin of the id of the run that made it; as much as the name holds. REQUIRES: it is such a name.
[[nodiscard]] std::string run_of(std::string_view name);

// By name.
[[nodiscard]] Result<std::vector<Database>> list_databases(const Server& server, RunContext& run);

using Extensions = std::map<std::string, std::string, std::less<>>;  // name → version
[[nodiscard]] Result<Extensions> list_extensions(const Server& server, std::string_view database, RunContext& run);
[[nodiscard]] std::string render_extensions(const Extensions& extensions);  // "plpgsql 1.0, postgis 3.5.2"
[[nodiscard]] Extensions parse_extensions(std::string_view text);

// Tablespaces outside the data directory: name → location.
[[nodiscard]] Result<std::map<std::string, std::string, std::less<>>> list_tablespaces(const Server& server,
                                                                                       RunContext& run);
// Where the server has its data; empty if it doesn't say.
[[nodiscard]] Result<std::string> ask_data_directory(const Server& server, RunContext& run);
// Objects that a user made in the database (relations, functions, types, large objects, schemas; nothing of
// extensions).
[[nodiscard]] Result<std::uint64_t> count_user_objects(const Server& server, std::string_view database,
                                                       RunContext& run);

}  // namespace davit::sources
