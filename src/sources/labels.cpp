#include "sources/labels.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr std::string_view kPrefix = "davit.";

using Apply = bool (*)(Settings&, std::string_view value);  // false: not one of the values

bool apply_enable(Settings& settings, std::string_view value) {
  settings.enable = value == "true";
  return value == "true" || value == "false";
}

bool apply_list(std::vector<std::string>& into, std::string_view value) {
  for (const std::string& part : split(value, ','))
    if (const std::string_view entry = trim(part); !entry.empty()) into.emplace_back(entry);
  return !into.empty();
}

bool apply_postgres(Settings& settings, std::string_view value) {
  using enum Settings::Postgres;
  if (value == "auto")
    settings.postgres = automatic;
  else if (value == "dump")
    settings.postgres = dump;
  else if (value == "basebackup")
    settings.postgres = basebackup;
  else if (value == "pgbackrest")
    settings.postgres = pgbackrest;
  else if (value == "off")
    settings.postgres = off;
  else
    return false;
  return true;
}

bool apply_search(Settings& settings, std::string_view value) {
  using enum Settings::Search;
  settings.search = value == "snapshot" ? snapshot : value == "off" ? off : automatic;
  return value == "auto" || value == "snapshot" || value == "off";
}

bool apply_ldap(Settings& settings, std::string_view value) {
  using enum Settings::Ldap;
  settings.ldap = value == "dump" ? dump : value == "off" ? off : automatic;
  return value == "auto" || value == "dump" || value == "off";
}

bool apply_rabbitmq(Settings& settings, std::string_view value) {
  using enum Settings::Rabbitmq;
  settings.rabbitmq = value == "definitions" ? definitions : value == "off" ? off : automatic;
  return value == "auto" || value == "definitions" || value == "off";
}

bool apply_quiesce(Settings& settings, std::string_view value) {
  using enum Settings::Quiesce;
  settings.quiesce = value == "stop" ? stop : value == "pause" ? pause : none;
  return value == "stop" || value == "pause" || value == "none";
}

std::optional<std::chrono::seconds> parse_seconds(std::string_view value) {
  constexpr std::uint64_t kLongest = std::uint64_t{30} * 24 * 3600;
  const auto seconds = parse_duration_seconds(value);
  if (!seconds || *seconds == 0 || *seconds > kLongest) return {};
  return std::chrono::seconds(*seconds);
}

// Arguments as in the list form of a compose file's `command`. An argument can't hold a NUL.
bool apply_arguments(std::vector<std::string>& into, std::string_view value) {
  const auto array = nlohmann::json::parse(value, nullptr, false);
  if (!array.is_array() || array.empty()) return false;
  for (const nlohmann::json& argument : array) {
    if (!argument.is_string()) return false;
    into.push_back(argument.get<std::string>());
    if (into.back().contains('\0')) return false;
  }
  return !into.front().empty();
}

constexpr std::string_view kArguments = "a JSON array of arguments, such as [\"tool\", \"--option\"]";
constexpr std::string_view kSeconds = "seconds, or a time such as 5m";

constexpr std::array<LabelRule, 24> kRules{{
    {"davit.enable", "service or volume", "true or false",
     "false leaves the volume out; on a service: its database, and what only services with this label mount"},
    {"davit.files", "service", "paths below the project directory, separated by commas",
     "files and directories to back up beside the compose files and env files"},
    {"davit.exclude", "service or volume", "patterns of * and ? over paths, separated by commas",
     "what is left out of the volume; on a service: of the directories that it binds"},
    {"davit.postgres", "service", "auto, dump, basebackup, pgbackrest or off",
     "dump: it is a PostgreSQL server, though it may not look like one; basebackup: the same, and its files are taken "
     "by "
     "pg_basebackup instead of dumps of its databases; pgbackrest: a backup by the pgBackRest in its container; off: "
     "it is none"},
    {"davit.pgbackrest.stanza", "service", "the name of a stanza",
     "pgBackRest's stanza for its cluster, where PGBACKREST_STANZA doesn't name it; db by default"},
    {"davit.pgbackrest.type", "service", "full, diff or incr",
     "which backup davit.postgres=pgbackrest makes; incr by default, and a full one where there is none yet"},
    {"davit.search", "service", "auto, snapshot or off",
     "snapshot: it is an OpenSearch or Elasticsearch server, though it may not look like one; off: it is none"},
    {"davit.search.url", "service", "an address such as https://localhost:9200",
     "where its API is, as seen in its container; without curl in there, as davit sees it; by default port 9200 of "
     "localhost, with or without TLS"},
    {"davit.search.user", "service", "a name", "who asks for snapshots; admin or elastic by default"},
    {"davit.search.password_file", "service", "a path in its container, such as /run/secrets/search",
     "a file with the password, where the container's environment hasn't got it"},
    {"davit.search.ca", "service", "a path in its container, such as /certs/ca.pem",
     "the CA certificate of its TLS certificate"},
    {"davit.search.insecure", "service", "true or false", "true: its TLS certificate is not checked"},
    {"davit.search.indices", "service", "patterns of * and ? over names, separated by commas",
     "which indices a snapshot holds; those that begin with - are left out; by default all but the server's own"},
    {"davit.ldap", "service", "auto, dump or off",
     "dump: it is an OpenLDAP server, though it may not look like one; off: it is none"},
    {"davit.ldap.config", "service", "a directory of the container, such as /etc/ldap/slapd.d",
     "where its slapd has its configuration (cn=config), if davit can't find out"},
    {"davit.rabbitmq", "service", "auto, definitions or off",
     "definitions: it is a RabbitMQ server, though it may not look like one; off: it is none"},
    {"davit.quiesce", "service or volume", "pause, stop or none",
     "what happens to running services while a volume that they write is read; pause by default"},
    {"davit.quiesce.max", "service or volume", kSeconds,
     "the longest that a service may be held: then it runs again, and what was being read counts as live"},
    {"davit.before", "service", kArguments, "a command to run in its container before its data is read"},
    {"davit.after", "service", kArguments, "a command to run in its container afterwards, also after a failure"},
    {"davit.hook.timeout", "service", kSeconds, "how long either may take; 60 by default"},
    {"davit.hook.user", "service", "a user of the container", "who runs them; the container's user by default"},
    {"davit.command", "service", kArguments, "a command in its container whose output is backed up"},
    {"davit.command.restore", "service", kArguments, "a command in its container that reads that output to restore it"},
}};
// In the order of kRules.
constexpr std::array<Apply, kRules.size()> kApply{
    apply_enable,
    [](Settings& settings, std::string_view value) { return apply_list(settings.files, value); },
    [](Settings& settings, std::string_view value) { return apply_list(settings.exclude, value); },
    apply_postgres,
    // Read where pgBackRest is run, from the container's own labels.
    [](Settings&, std::string_view value) { return !value.empty(); },
    [](Settings&, std::string_view value) { return value == "full" || value == "diff" || value == "incr"; },
    apply_search,
    // Read where the server is asked, from the container's own labels.
    [](Settings&, std::string_view value) { return value.starts_with("http://") || value.starts_with("https://"); },
    [](Settings&, std::string_view value) { return !value.empty() && !value.contains(':'); },
    [](Settings&, std::string_view value) { return value.starts_with('/'); },
    [](Settings&, std::string_view value) { return value.starts_with('/'); },
    [](Settings&, std::string_view value) { return value == "true" || value == "false"; },
    [](Settings& settings, std::string_view value) { return apply_list(settings.search_indices, value); },
    apply_ldap,
    [](Settings& settings, std::string_view value) {
      settings.ldap_config = value;
      return value.starts_with('/');
    },
    apply_rabbitmq,
    apply_quiesce,
    [](Settings& settings, std::string_view value) {
      return (settings.quiesce_max = parse_seconds(value)).has_value();
    },
    [](Settings& settings, std::string_view value) { return apply_arguments(settings.before, value); },
    [](Settings& settings, std::string_view value) { return apply_arguments(settings.after, value); },
    [](Settings& settings, std::string_view value) {
      const auto seconds = parse_seconds(value);
      settings.hook_timeout = seconds.value_or(settings.hook_timeout);
      return seconds.has_value();
    },
    [](Settings& settings, std::string_view value) {
      settings.hook_user = value;
      return !value.empty();
    },
    [](Settings& settings, std::string_view value) { return apply_arguments(settings.command, value); },
    [](Settings& settings, std::string_view value) { return apply_arguments(settings.command_restore, value); },
};

std::string_view name_of(LabelOwner owner) { return owner == LabelOwner::service ? "service" : "volume"; }

std::string known_hint(std::string_view name) {
  std::array<std::string_view, kRules.size()> names;
  std::string all;
  for (std::size_t i = 0; i < kRules.size(); ++i) {
    names[i] = kRules[i].name;
    all += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  if (const std::string_view near = nearest(name, names); !near.empty())
    return "did you mean " + std::string(near) + "?";
  return "known are " + all;
}

Result<> apply_label(Settings& settings, const std::string& name, const std::string& value, LabelOwner owner,
                     std::string_view owner_name) {
  const std::string what =
      std::string(name_of(owner)) + " " + escape_for_display(owner_name) + ": label " + escape_for_display(name);
  for (std::size_t i = 0; i < kRules.size(); ++i) {
    if (kRules[i].name != name) continue;
    if (!kRules[i].where.contains(name_of(owner)))
      return fail(Errc::usage, what + " has no meaning on a " + std::string(name_of(owner)),
                  "put it on a " + std::string(kRules[i].where));
    if (!kApply[i](settings, trim(value)))
      return fail(Errc::usage, what + " has the value \"" + escape_for_display(value) + "\"",
                  "it takes " + std::string(kRules[i].values));
    return {};
  }
  return fail(Errc::usage, what + " is unknown", known_hint(name));
}

}  // namespace

std::span<const LabelRule> label_rules() { return kRules; }

Result<Settings> parse_labels(const engine::Labels& labels, LabelOwner owner, std::string_view owner_name) {
  Settings settings;
  for (const auto& [name, value] : labels)
    if (name.starts_with(kPrefix)) TRY(apply_label(settings, name, value, owner, owner_name));
  return settings;
}

}  // namespace davit::sources
