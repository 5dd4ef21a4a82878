#pragma once
// What a restore that makes a stack anew writes into the journal of its run, before it does it. docs/guard.md lists the
// kinds; settle_rebuild.hpp puts them right.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "sources/rebuild/start_order.hpp"
#include "util/error.hpp"

namespace davit::sources {

// A network that is made for the restore.
struct NetworkEntry {
  std::string run;
  std::string name;
  std::string project;
  std::string id = {};  // once it is made
};

// A container that is made for the restore.
struct ContainerEntry {
  std::string run;
  std::string name;
  std::string project;
  std::string service;
  std::string id = {};  // once it is made
};

// A tag that is taken from another image, which it is given back to.
struct TagEntry {
  std::string run;
  std::string reference;
  std::string old_id;
};

// What is started when the restore was decided.
struct StartEntry {
  struct Member {
    std::string container;  // id
    std::string service;
    std::vector<Dependency> after = {};
  };
  std::string run;
  std::string project;
  std::vector<Member> members = {};  // in order
};

// What runs only for the restore, and is stopped when that was decided.
struct StopEntry {
  struct Member {
    std::string container;  // id
    std::string service;
  };
  std::string run;
  std::string project;
  std::vector<Member> members = {};  // in the order of their start
};

// Keys of the journal.
[[nodiscard]] std::string network_key(const std::string& name);
[[nodiscard]] std::string container_key(const std::string& name);
[[nodiscard]] std::string tag_key(const std::string& reference);
[[nodiscard]] std::string start_key(const std::string& project);
[[nodiscard]] std::string stop_key(const std::string& project);

[[nodiscard]] nlohmann::json to_json(const NetworkEntry& entry);
[[nodiscard]] nlohmann::json to_json(const ContainerEntry& entry);
[[nodiscard]] nlohmann::json to_json(const TagEntry& entry);
[[nodiscard]] nlohmann::json to_json(const StartEntry& entry);
[[nodiscard]] nlohmann::json to_json(const StopEntry& entry);
// Errc::corrupt for anything that to_json() does not write.
[[nodiscard]] Result<NetworkEntry> network_entry_from(const nlohmann::json& json);
[[nodiscard]] Result<ContainerEntry> container_entry_from(const nlohmann::json& json);
[[nodiscard]] Result<TagEntry> tag_entry_from(const nlohmann::json& json);
[[nodiscard]] Result<StartEntry> start_entry_from(const nlohmann::json& json);
[[nodiscard]] Result<StopEntry> stop_entry_from(const nlohmann::json& json);

}  // namespace davit::sources
