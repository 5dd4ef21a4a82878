#include "sources/restore_entry.hpp"

#include <nlohmann/json.hpp>

#include "util/text.hpp"

namespace davit::sources {

using helper::Place;
using nlohmann::json;

namespace {

// json's exceptions end here.
template <class Read>
auto reading(Read read) -> decltype(read()) {
  try {
    return read();
  } catch (const json::exception& e) {
    return fail(Errc::corrupt, std::string("read the journal of the run: ") + e.what());
  }
}

}  // namespace

std::string volume_key(const std::string& name) { return "made " + encode_file_name(name); }

std::string place_key(const Place& place) {
  return (place.kind == Place::Kind::volume ? "volume " : "directory ") + encode_file_name(place.source);
}

json names_to_json(const std::vector<std::string>& names) {
  json list = json::array();
  for (const std::string& name : names) list.push_back(encode_file_name(name));
  return list;
}

Result<std::vector<std::string>> names_from_json(const json& list) {
  return reading([&]() -> Result<std::vector<std::string>> {
    std::vector<std::string> names;
    for (const json& each : list) {
      TRY_ASSIGN(name, decode_file_name(each.get<std::string>()));
      names.push_back(std::move(name));
    }
    return names;
  });
}

json to_json(const VolumeEntry& entry) {
  return {{"kind", "volume"}, {"run", entry.run}, {"name", encode_file_name(entry.name)}, {"filled", entry.filled}};
}

json to_json(const PlaceEntry& entry) {
  return {{"kind", "place"},
          {"run", entry.run},
          {"place", entry.place.kind == Place::Kind::volume ? "volume" : "directory"},
          {"source", encode_file_name(entry.place.source)},
          {"made", entry.made},
          {"directories", names_to_json(entry.directories)}};
}

Result<VolumeEntry> volume_entry_from(const json& object) {
  return reading([&]() -> Result<VolumeEntry> {
    TRY_ASSIGN(name, decode_file_name(object.at("name").get<std::string>()));
    return VolumeEntry{object.at("run").get<std::string>(), std::move(name), object.at("filled").get<bool>()};
  });
}

Result<PlaceEntry> place_entry_from(const json& object) {
  return reading([&]() -> Result<PlaceEntry> {
    const auto kind = object.at("place").get<std::string>();
    if (kind != "volume" && kind != "directory")
      return fail(Errc::corrupt, "read the journal of the run: an unknown kind of place");
    TRY_ASSIGN(source, decode_file_name(object.at("source").get<std::string>()));
    TRY_ASSIGN(directories, names_from_json(object.at("directories")));
    return PlaceEntry{object.at("run").get<std::string>(),
                      {kind == "volume" ? Place::Kind::volume : Place::Kind::directory, std::move(source), false},
                      object.at("made").get<bool>(),
                      std::move(directories)};
  });
}

void strike(Journal* journal, const std::string& key, RunContext& run) {
  if (journal == nullptr) return;
  if (const auto struck = journal->strike(key); !struck) run.reporter.note(struck.error().message());
}

}  // namespace davit::sources
