#pragma once
// What a restore that makes a stack anew writes into the journal of its run, before it does it (docs/guard.md), and how
// that is put right when the run has died.

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "sources/rebuild/start_order.hpp"
#include "util/run_context.hpp"

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

[[nodiscard]] std::string network_key(const std::string& name);
[[nodiscard]] std::string container_key(const std::string& name);
[[nodiscard]] std::string tag_key(const std::string& reference);
[[nodiscard]] std::string start_key(const std::string& project);

[[nodiscard]] nlohmann::json to_json(const NetworkEntry& entry);
[[nodiscard]] nlohmann::json to_json(const ContainerEntry& entry);
[[nodiscard]] nlohmann::json to_json(const TagEntry& entry);
[[nodiscard]] nlohmann::json to_json(const StartEntry& entry);
// Errc::corrupt for anything that to_json() does not write.
[[nodiscard]] Result<NetworkEntry> network_entry_from(const nlohmann::json& json);
[[nodiscard]] Result<ContainerEntry> container_entry_from(const nlohmann::json& json);
[[nodiscard]] Result<TagEntry> tag_entry_from(const nlohmann::json& json);
[[nodiscard]] Result<StartEntry> start_entry_from(const nlohmann::json& json);

// The entries of the kinds "network", "container" and "tag" of a dead run: what was made goes, unless it was decided.
// A network that somebody uses stays, and so does a container that isn't the one that was made. Gives lines for the
// user.
[[nodiscard]] Result<std::vector<std::string>> settle_made(engine::Engine& engine, const nlohmann::json& entry,
                                                           bool decided, RunContext& run);
// "start": where the restore was decided, what doesn't run yet is started as soon as what it depends on is ready. Errc
// unavailable: not yet, and it is to be asked again; after five minutes (`waited`) it starts the rest all the same, and
// says so.
[[nodiscard]] Result<std::vector<std::string>> settle_start(engine::Engine& engine, const nlohmann::json& entry,
                                                            bool decided, std::chrono::milliseconds waited,
                                                            RunContext& run);

}  // namespace davit::sources
