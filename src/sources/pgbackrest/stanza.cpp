#include "sources/pgbackrest/stanza.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

// status.code, from pgBackRest's documentation of `info`.
constexpr int kMissingPath = 1;
constexpr int kNoBackups = 2;
constexpr int kMissingData = 3;

const json& at(const json& object, const char* name) {
  static const json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

std::string text(const json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }
std::uint64_t number(const json& value) { return value.is_number_integer() ? value.get<std::uint64_t>() : 0; }
int small_number(const json& value, int otherwise) { return value.is_number_integer() ? value.get<int>() : otherwise; }
std::chrono::sys_seconds time(const json& value) {
  return std::chrono::sys_seconds(std::chrono::seconds(value.is_number_integer() ? value.get<std::int64_t>() : 0));
}

BackupSet parse_set(const json& entry) {
  BackupSet set;
  set.label = text(at(entry, "label"));
  set.type = text(at(entry, "type"));
  set.prior = text(at(entry, "prior"));
  set.start = time(at(at(entry, "timestamp"), "start"));
  set.stop = time(at(at(entry, "timestamp"), "stop"));
  const json& info = at(entry, "info");
  set.database_bytes = number(at(info, "size"));
  set.delta_bytes = number(at(info, "delta"));
  set.repository_bytes = number(at(at(info, "repository"), "size"));
  set.damaged = at(entry, "error").is_boolean() && at(entry, "error").get<bool>();
  set.repository = small_number(at(at(entry, "database"), "repo-key"), 1);
  set.database = small_number(at(at(entry, "database"), "id"), 1);
  set.wal_start = text(at(at(entry, "archive"), "start"));
  set.wal_stop = text(at(at(entry, "archive"), "stop"));
  set.lsn_stop = text(at(at(entry, "lsn"), "stop"));
  return set;
}

Stanza parse_entry(const json& entry) {
  Stanza stanza;
  stanza.name = text(at(entry, "name"));
  stanza.status = small_number(at(at(entry, "status"), "code"), -1);
  stanza.message = text(at(at(entry, "status"), "message"));
  const json& held = at(at(at(at(entry, "status"), "lock"), "backup"), "held");
  stanza.backup_runs = held.is_boolean() && held.get<bool>();
  // A code for "other" has the reason with the repository.
  for (const json& repository : at(entry, "repo"))
    if (const json& status = at(repository, "status"); stanza.status > kMissingData && number(at(status, "code")) != 0)
      stanza.message += ": " + text(at(status, "message"));
  for (const json& database : at(entry, "db"))
    stanza.database = std::max(stanza.database, small_number(at(database, "id"), 1));
  for (const json& backup : at(entry, "backup")) {
    stanza.backups.push_back(parse_set(backup));
    const json& tablespaces = at(backup, "tablespace");
    if (!tablespaces.is_array()) continue;
    stanza.tablespaces.emplace();
    for (const json& each : tablespaces)
      stanza.tablespaces->push_back(
          {text(at(each, "name")), static_cast<std::uint32_t>(number(at(each, "oid"))), text(at(each, "destination"))});
  }
  std::ranges::stable_sort(stanza.backups, {}, &BackupSet::stop);
  for (const json& archive : at(entry, "archive")) {
    const json& database = at(archive, "database");
    stanza.archives.push_back({text(at(archive, "id")), small_number(at(database, "id"), 1),
                               small_number(at(database, "repo-key"), 1), text(at(archive, "min")),
                               text(at(archive, "max"))});
  }
  return stanza;
}

}  // namespace

const BackupSet* Stanza::find(std::string_view label) const {
  const auto found = std::ranges::find(backups, label, &BackupSet::label);
  return found == backups.end() ? nullptr : &*found;
}

const WalRange* Stanza::archive() const {
  const WalRange* newest = nullptr;
  for (const WalRange& each : archives)
    if (each.database == database && !each.max.empty() && (newest == nullptr || each.max > newest->max)) newest = &each;
  return newest;
}

Result<Stanza> parse_stanza(std::string_view text_of_it, std::string_view name) {
  const std::string what = "stanza " + escape_for_display(name);
  const json list = json::parse(text_of_it, nullptr, false);
  if (!list.is_array()) return fail(Errc::corrupt, what + ": pgbackrest info gave no JSON");
  Stanza stanza;
  try {
    const auto entry = std::ranges::find_if(list, [&](const json& each) { return text(at(each, "name")) == name; });
    if (entry == list.end()) {
      stanza.status = kMissingPath;
      stanza.message = "missing stanza path";
    } else {
      stanza = parse_entry(*entry);
    }
  } catch (const json::exception& error) {
    return fail(Errc::corrupt, what + ": pgbackrest info gave JSON of another form: " + error.what());
  }
  if (stanza.status == kMissingPath || stanza.status == kMissingData)
    return fail(Errc::not_found, what + " doesn't exist: " + escape_for_display(stanza.message),
                "name it with --stanza; `davit init` makes one");
  if (stanza.status != 0 && stanza.status != kNoBackups)
    return fail(Errc::failed, what + ": " + escape_for_display(stanza.message),
                stanza.message.contains("ermission denied")
                    ? "give the repository to the server's user, and run pgBackRest as nobody else"
                    : "");
  return stanza;
}

}  // namespace davit::sources
