#pragma once
// What a restore has done, or is about to do, in a search cluster, as the journal of its run has it: enough to lead it
// back or to carry it on without the restore itself.

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "util/error.hpp"

namespace davit::sources {

// An index, or a data stream with its own.
struct SearchThing {
  std::string name;  // that it is restored as
  bool stream = false;
  std::map<std::string, std::string> old = {};   // indices that are replaced: name → uuid; empty: there was nothing
  std::vector<std::string> blocked = {};         // those of them that nobody could write to anyway
  std::map<std::string, std::string> made = {};  // indices that come back: name → its blocks (render_blocks())
};

struct SearchEntry {
  std::string run;
  std::string project;                // of Compose
  std::string service;                // the item's name
  std::vector<std::string> services;  // those of its cluster, in whose containers it can be asked
  std::string place;                  // directory on the Engine's host that is made for the backup's files
  std::string repository;             // that is registered for it, read-only
  std::string saved;                  // snapshot in davit's own repository of what is replaced; empty: nothing is
  std::vector<SearchThing> things;
  // How far it may be: files are placed; what is replaced is blocked and saved; it is deleted, and restored. Until it
  // is decided nobody can write to what was restored.
  enum class Step { placing, saving, replacing };
  Step step = Step::placing;

  [[nodiscard]] std::string key() const { return "search " + service; }
};

[[nodiscard]] nlohmann::json to_json(const SearchEntry& entry);
// Errc::corrupt for anything that to_json() does not write.
[[nodiscard]] Result<SearchEntry> search_entry_from(const nlohmann::json& json);

}  // namespace davit::sources
