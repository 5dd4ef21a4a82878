#include "sources/postgres/cluster_entry.hpp"

#include <nlohmann/json.hpp>

#include "sources/restore_entry.hpp"
#include "util/text.hpp"

namespace davit::sources {

using nlohmann::json;

json to_json(const ClusterEntry& entry) {
  json replacements = json::array();
  for (const Replacement& each : entry.replacements) {
    json object{{"name", encode_file_name(each.name)},
                {"fresh", each.fresh_name},
                {"old", each.old_name},
                {"fresh_oid", each.fresh_oid}};
    if (each.old_oid) object["old_oid"] = *each.old_oid;
    replacements.push_back(std::move(object));
  }
  return {{"kind", "cluster"},
          {"run", entry.run},
          {"project", entry.project},
          {"service", entry.service},
          {"container", entry.container},
          {"one_off", entry.one_off},
          {"fresh", entry.fresh},
          {"maintenance", encode_file_name(entry.maintenance)},
          {"directories", names_to_json(entry.directories)},
          {"roles", names_to_json(entry.roles)},
          {"tablespaces", names_to_json(entry.tablespaces)},
          {"replacements", std::move(replacements)},
          {"swap_begun", entry.swap_begun},
          {"undo", names_to_json(entry.undo)}};
}

Result<ClusterEntry> cluster_entry_from(const json& object) {
  try {
    ClusterEntry entry;
    entry.run = object.at("run").get<std::string>();
    entry.project = object.at("project").get<std::string>();
    entry.service = object.at("service").get<std::string>();
    entry.container = object.at("container").get<std::string>();
    entry.one_off = object.at("one_off").get<bool>();
    entry.fresh = object.at("fresh").get<bool>();
    TRY_ASSIGN(maintenance, decode_file_name(object.at("maintenance").get<std::string>()));
    TRY_ASSIGN(directories, names_from_json(object.at("directories")));
    TRY_ASSIGN(roles, names_from_json(object.at("roles")));
    TRY_ASSIGN(tablespaces, names_from_json(object.at("tablespaces")));
    TRY_ASSIGN(undo, names_from_json(object.at("undo")));
    entry.maintenance = std::move(maintenance);
    entry.directories = std::move(directories);
    entry.roles = std::move(roles);
    entry.tablespaces = std::move(tablespaces);
    entry.undo = std::move(undo);
    entry.swap_begun = object.at("swap_begun").get<bool>();
    for (const json& each : object.at("replacements")) {
      Replacement replacement;
      TRY_ASSIGN(name, decode_file_name(each.at("name").get<std::string>()));
      replacement.name = std::move(name);
      replacement.fresh_name = each.at("fresh").get<std::string>();
      replacement.old_name = each.at("old").get<std::string>();
      replacement.fresh_oid = each.at("fresh_oid").get<std::uint32_t>();
      if (each.contains("old_oid")) replacement.old_oid = each.at("old_oid").get<std::uint32_t>();
      entry.replacements.push_back(std::move(replacement));
    }
    return entry;
  } catch (const json::exception& e) {
    return fail(Errc::corrupt, std::string("read the journal of the run: ") + e.what());
  }
}

}  // namespace davit::sources
