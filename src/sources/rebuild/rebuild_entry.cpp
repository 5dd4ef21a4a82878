#include "sources/rebuild/rebuild_entry.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;
using Condition = Dependency::Condition;

constexpr std::array<std::string_view, 3> kConditions{"started", "healthy", "completed"};  // as in the enumeration

// json's exceptions end here.
template <class Read>
auto reading(Read read) -> decltype(read()) {
  try {
    return read();
  } catch (const json::exception& e) {
    return fail(Errc::corrupt, std::string("read the journal of the run: ") + e.what());
  }
}

Result<Dependency> dependency_from(const json& object) {
  const auto name = object.at("condition").get<std::string>();
  for (std::size_t i = 0; i < kConditions.size(); ++i)
    if (kConditions.at(i) == name)
      return Dependency{object.at("service").get<std::string>(), static_cast<Condition>(i)};
  return fail(Errc::corrupt, "read the journal of the run: an unknown condition");
}

}  // namespace

// Names of containers, networks, services and images are ASCII.
std::string network_key(const std::string& name) { return "network " + name; }
std::string container_key(const std::string& name) { return "container " + name; }
std::string tag_key(const std::string& reference) { return "tag " + encode_file_name(reference); }
std::string start_key(const std::string& project) { return "start " + project; }
std::string stop_key(const std::string& project) { return "stop " + project; }

json to_json(const NetworkEntry& entry) {
  return {{"kind", "network"}, {"run", entry.run}, {"name", entry.name}, {"project", entry.project}, {"id", entry.id}};
}

json to_json(const ContainerEntry& entry) {
  return {{"kind", "container"},      {"run", entry.run},         {"name", entry.name},
          {"project", entry.project}, {"service", entry.service}, {"id", entry.id}};
}

json to_json(const TagEntry& entry) {
  return {{"kind", "tag"}, {"run", entry.run}, {"reference", entry.reference}, {"old_id", entry.old_id}};
}

json to_json(const StartEntry& entry) {
  json members = json::array();
  for (const StartEntry::Member& member : entry.members) {
    json after = json::array();
    for (const Dependency& on : member.after)
      after.push_back({{"service", on.service}, {"condition", kConditions.at(static_cast<std::size_t>(on.condition))}});
    members.push_back({{"container", member.container}, {"service", member.service}, {"after", std::move(after)}});
  }
  return {{"kind", "start"}, {"run", entry.run}, {"project", entry.project}, {"members", std::move(members)}};
}

json to_json(const StopEntry& entry) {
  json members = json::array();
  for (const StopEntry::Member& member : entry.members)
    members.push_back({{"container", member.container}, {"service", member.service}});
  return {{"kind", "stop"}, {"run", entry.run}, {"project", entry.project}, {"members", std::move(members)}};
}

Result<NetworkEntry> network_entry_from(const json& object) {
  return reading([&]() -> Result<NetworkEntry> {
    return NetworkEntry{object.at("run").get<std::string>(), object.at("name").get<std::string>(),
                        object.at("project").get<std::string>(), object.at("id").get<std::string>()};
  });
}

Result<ContainerEntry> container_entry_from(const json& object) {
  return reading([&]() -> Result<ContainerEntry> {
    return ContainerEntry{object.at("run").get<std::string>(), object.at("name").get<std::string>(),
                          object.at("project").get<std::string>(), object.at("service").get<std::string>(),
                          object.at("id").get<std::string>()};
  });
}

Result<TagEntry> tag_entry_from(const json& object) {
  return reading([&]() -> Result<TagEntry> {
    return TagEntry{object.at("run").get<std::string>(), object.at("reference").get<std::string>(),
                    object.at("old_id").get<std::string>()};
  });
}

Result<StartEntry> start_entry_from(const json& object) {
  return reading([&]() -> Result<StartEntry> {
    StartEntry entry{object.at("run").get<std::string>(), object.at("project").get<std::string>(), {}};
    for (const json& each : object.at("members")) {
      StartEntry::Member member{each.at("container").get<std::string>(), each.at("service").get<std::string>(), {}};
      for (const json& on : each.at("after")) {
        TRY_ASSIGN(dependency, dependency_from(on));
        member.after.push_back(std::move(dependency));
      }
      entry.members.push_back(std::move(member));
    }
    return entry;
  });
}

Result<StopEntry> stop_entry_from(const json& object) {
  return reading([&]() -> Result<StopEntry> {
    StopEntry entry{object.at("run").get<std::string>(), object.at("project").get<std::string>(), {}};
    for (const json& each : object.at("members"))
      entry.members.push_back({each.at("container").get<std::string>(), each.at("service").get<std::string>()});
    return entry;
  });
}

}  // namespace davit::sources
