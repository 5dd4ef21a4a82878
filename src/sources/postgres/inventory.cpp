#include "sources/postgres/inventory.hpp"

#include <algorithm>
#include <charconv>
#include <format>

#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr std::string_view kFreshPrefix = "davit_restore_";
constexpr std::string_view kOldPrefix = "davit_old_";

template <class T>
T number(const std::optional<std::string>& text, T otherwise = {}) {
  T value = otherwise;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

}  // namespace

std::optional<std::string> Database::obstacle() const {
  if (stage_of(name)) return "left over from an interrupted restore";
  if (connection_limit == -2) return "invalid: an interrupted DROP DATABASE left it";
  if (is_template) return "a template";
  if (!allows_connections) return "allows no connections";
  return std::nullopt;
}

std::string stage_name(Stage stage, std::string_view run_id, std::size_t number) {
  return std::format("{}{}_{}", stage == Stage::fresh ? kFreshPrefix : kOldPrefix, run_id.substr(0, 16), number);
}

std::optional<Stage> stage_of(std::string_view name) {
  const Stage stage = name.starts_with(kOldPrefix) ? Stage::old : Stage::fresh;
  const std::string_view prefix = stage == Stage::old ? kOldPrefix : kFreshPrefix;
  if (!name.starts_with(prefix)) return std::nullopt;
  const std::string_view rest = name.substr(prefix.size());
  const auto bar = rest.find('_');
  if (bar == std::string_view::npos || bar == 0 || bar + 1 == rest.size()) return std::nullopt;
  if (rest.substr(0, bar).find_first_not_of("0123456789abcdef") != std::string_view::npos ||
      rest.substr(bar + 1).find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  return stage;
}

std::string run_of(std::string_view name) {
  name.remove_prefix(stage_of(name) == Stage::old ? kOldPrefix.size() : kFreshPrefix.size());
  return std::string(name.substr(0, name.find('_')));
}

Result<std::vector<Database>> list_databases(const Server& server, RunContext& run) {
  // 15 brought the provider of the locale, 17 gave its locale another column.
  const bool providers = server.major() >= 15;
  const std::string locale = server.major() >= 17 ? "d.datlocale" : providers ? "d.daticulocale" : "null";
  // pg_database_size() fails for a database that one may not connect to, and for one that is dropped meanwhile.
  const std::string size = server.superuser() ? "pg_database_size(d.oid)"
                                              : "case when has_database_privilege(d.oid, 'connect') then "
                                                "pg_database_size(d.oid) end";
  TRY_ASSIGN(
      rows,
      server.query(server.database(),
                   {"d.oid", "d.datname", size, "d.datallowconn", "d.datistemplate", "d.datconnlimit",
                    "pg_get_userbyid(d.datdba)", "pg_encoding_to_char(d.encoding)", "d.datcollate", "d.datctype",
                    providers ? "d.datlocprovider" : "null", locale, "t.spcname"},
                   "from pg_database d left join pg_tablespace t on t.oid = d.dattablespace order by d.datname", run));
  static constexpr std::string_view kProperties[] = {"owner",           "encoding", "collate",   "ctype",
                                                     "locale_provider", "locale",   "tablespace"};
  std::vector<Database> databases;
  for (Row& row : rows) {
    Database database;
    database.oid = number<std::uint32_t>(row[0]);
    database.name = row[1].value_or("");
    database.bytes = number<std::uint64_t>(row[2]);
    database.allows_connections = row[3] == "true";
    database.is_template = row[4] == "true";
    database.connection_limit = number<int>(row[5], -1);
    for (std::size_t i = 0; i < std::size(kProperties); ++i)
      if (row[6 + i]) database.properties[std::string(kProperties[i])] = std::move(*row[6 + i]);
    databases.push_back(std::move(database));
  }
  return databases;
}

Result<Extensions> list_extensions(const Server& server, std::string_view database, RunContext& run) {
  TRY_ASSIGN(rows, server.query(database, {"extname", "extversion"}, "from pg_extension order by extname", run));
  Extensions extensions;
  for (const Row& row : rows) extensions[row[0].value_or("")] = row[1].value_or("");
  return extensions;
}

std::string render_extensions(const Extensions& extensions) {
  std::string text;
  for (const auto& [name, version] : extensions) text += (text.empty() ? "" : ", ") + name + " " + version;
  return text;
}

Extensions parse_extensions(std::string_view text) {
  Extensions extensions;
  for (const std::string& part : split(text, ',')) {
    const std::string_view entry = trim(part);
    const auto space = entry.rfind(' ');
    if (space != std::string_view::npos) extensions[std::string(entry.substr(0, space))] = entry.substr(space + 1);
  }
  return extensions;
}

Result<std::map<std::string, std::string, std::less<>>> list_tablespaces(const Server& server, RunContext& run) {
  TRY_ASSIGN(rows, server.query(server.database(), {"spcname", "pg_tablespace_location(oid)"},
                                "from pg_tablespace where pg_tablespace_location(oid) <> '' order by spcname", run));
  std::map<std::string, std::string, std::less<>> tablespaces;
  for (const Row& row : rows) tablespaces[row[0].value_or("")] = row[1].value_or("");
  return tablespaces;
}

Result<std::string> ask_data_directory(const Server& server, RunContext& run) {
  // The view hides what the role may not see, where current_setting() would fail.
  TRY_ASSIGN(rows, server.query(server.database(), {"setting"}, "from pg_settings where name = 'data_directory'", run));
  return rows.empty() ? std::string() : rows.front()[0].value_or("");
}

Result<std::uint64_t> count_user_objects(const Server& server, std::string_view database, RunContext& run) {
  // 16384 is the first oid that isn't of initdb; what belongs to an extension came with it.
  const auto count = [](std::string_view catalog, std::string_view where) {
    return std::format(
        "(select count(*) from {0} c where c.oid >= 16384 and {1} and not exists (select from pg_depend e where "
        "e.classid = '{0}'::regclass and e.objid = c.oid and e.deptype = 'e'))",
        catalog, where);
  };
  TRY_ASSIGN(rows, server.query(database,
                                {count("pg_class", "c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')") + " + " +
                                 count("pg_proc", "true") + " + " + count("pg_type", "c.typtype in ('d', 'e', 'r')") +
                                 " + " + count("pg_namespace", "c.nspname !~ '^pg_'") +
                                 " + (select count(*) from pg_largeobject_metadata)"},
                                "", run));
  return rows.empty() ? 0 : number<std::uint64_t>(rows.front()[0]);
}

}  // namespace davit::sources
