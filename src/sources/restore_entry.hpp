#pragma once
// What a restore writes into the journal of its run, before it does it: a volume that it makes, a place that it
// replaces. (What it does in a database server: postgres/cluster_entry.hpp.) docs/guard.md lists the kinds.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "helper/session.hpp"
#include "util/journal.hpp"

namespace davit::sources {

// A volume that is made for the restore.
struct VolumeEntry {
  std::string run;
  std::string name;
  bool filled = false;  // by a server of ours in a one-off container: it goes with what it holds
};

// A place whose contents are replaced.
struct PlaceEntry {
  std::string run;
  helper::Place place;                   // without `create`
  bool made = false;                     // a volume that was made for it, with an entry of its own
  std::vector<std::string> directories;  // that are made for it, the deepest first
};

// Keys of the journal.
[[nodiscard]] std::string volume_key(const std::string& name);
[[nodiscard]] std::string place_key(const helper::Place& place);

[[nodiscard]] nlohmann::json to_json(const VolumeEntry& entry);
[[nodiscard]] nlohmann::json to_json(const PlaceEntry& entry);
// Errc::corrupt for anything that to_json() does not write.
[[nodiscard]] Result<VolumeEntry> volume_entry_from(const nlohmann::json& json);
[[nodiscard]] Result<PlaceEntry> place_entry_from(const nlohmann::json& json);

// Names are bytes, JSON is UTF-8.
[[nodiscard]] nlohmann::json names_to_json(const std::vector<std::string>& names);
[[nodiscard]] Result<std::vector<std::string>> names_from_json(const nlohmann::json& list);

// Where there is a journal, and the entry: strikes it, and notes if that fails, as nothing is wrong then but the entry.
void strike(Journal* journal, const std::string& key, RunContext& run);

}  // namespace davit::sources
