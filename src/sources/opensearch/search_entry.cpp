#include "sources/opensearch/search_entry.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "sources/restore_entry.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> kSteps{"placing", "saving", "replacing"};

}  // namespace

json to_json(const SearchEntry& entry) {
  // Names of indices are UTF-8; those of a stack and paths may be any bytes.
  json things = json::array();
  for (const SearchThing& each : entry.things)
    things.push_back({{"name", each.name},
                      {"stream", each.stream},
                      {"old", each.old},
                      {"blocked", each.blocked},
                      {"made", each.made}});
  return {{"kind", "search"},
          {"run", entry.run},
          {"project", encode_file_name(entry.project)},
          {"service", encode_file_name(entry.service)},
          {"services", names_to_json(entry.services)},
          {"place", encode_file_name(entry.place)},
          {"repository", entry.repository},
          {"saved", entry.saved},
          {"things", std::move(things)},
          {"step", kSteps.at(static_cast<std::size_t>(entry.step))}};
}

Result<SearchEntry> search_entry_from(const json& object) {
  try {
    SearchEntry entry;
    entry.run = object.at("run").get<std::string>();
    TRY_ASSIGN(project, decode_file_name(object.at("project").get<std::string>()));
    TRY_ASSIGN(service, decode_file_name(object.at("service").get<std::string>()));
    TRY_ASSIGN(services, names_from_json(object.at("services")));
    TRY_ASSIGN(place, decode_file_name(object.at("place").get<std::string>()));
    entry.project = std::move(project);
    entry.service = std::move(service);
    entry.services = std::move(services);
    entry.place = std::move(place);
    entry.repository = object.at("repository").get<std::string>();
    entry.saved = object.at("saved").get<std::string>();
    for (const json& each : object.at("things"))
      entry.things.push_back({each.at("name").get<std::string>(), each.at("stream").get<bool>(),
                              each.at("old").get<std::map<std::string, std::string>>(),
                              each.at("blocked").get<std::vector<std::string>>(),
                              each.at("made").get<std::map<std::string, std::string>>()});
    const auto step = std::ranges::find(kSteps, object.at("step").get<std::string>());
    if (step == kSteps.end()) return fail(Errc::corrupt, "read the journal of the run: an unknown step");
    entry.step = static_cast<SearchEntry::Step>(step - kSteps.begin());
    return entry;
  } catch (const json::exception& e) {
    return fail(Errc::corrupt, std::string("read the journal of the run: ") + e.what());
  }
}

}  // namespace davit::sources
