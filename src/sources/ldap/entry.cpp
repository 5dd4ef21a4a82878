#include "sources/ldap/entry.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ranges>
#include <set>

#include "engine/decode.hpp"
#include "sources/assemble.hpp"
#include "sources/dead_run.hpp"
#include "sources/idle.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/restore_entry.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;
using Lines = std::vector<std::string>;

Result<bool> is_gone(engine::Engine& engine, const engine::Mount& mount) {
  if (mount.type != "volume" || is_anonymous(mount.name)) return false;
  const auto volume = engine.inspect_volume(mount.name);
  if (!volume && volume.error().code() != Errc::not_found) return std::unexpected(volume.error());
  return !volume.has_value();
}

// Leaves the container the mounts that hold areas, so that whatever has become of the others is no matter. Takes out
// areas whose volume is gone, as there is nothing to put right any more: the names of those volumes.
Result<std::set<std::string>> keep_held(engine::Engine& engine, engine::ContainerInfo& container, LdapEntry& entry) {
  std::set<std::string> lost;
  std::vector<engine::Mount> held;
  std::vector<LdapArea> there;
  for (LdapArea& area : entry.areas) {
    if (const engine::Mount* mount = mount_of(container, area.directory)) {
      TRY_ASSIGN(gone, is_gone(engine, *mount));
      if (gone) {
        lost.insert(mount->name);
        continue;
      }
      if (!std::ranges::contains(held, mount->destination, &engine::Mount::destination)) held.push_back(*mount);
    }
    there.push_back(std::move(area));
  }
  container.mounts = std::move(held);
  entry.areas = std::move(there);
  return lost;
}

}  // namespace

json to_json(const LdapEntry& entry) {
  json areas = json::array();
  for (const LdapArea& area : entry.areas)
    areas.push_back({{"config", area.kind == LdapArea::Kind::config},
                     {"directory", encode_file_name(area.directory)},
                     {"place", encode_file_name(area.place)},
                     {"made", names_to_json(area.made)}});
  return {{"kind", "ldap"},           {"run", entry.run},
          {"user", entry.user},       {"service", encode_file_name(entry.service)},
          {"record", entry.record},   {"repo_digests", names_to_json(entry.repo_digests)},
          {"areas", std::move(areas)}};
}

Result<LdapEntry> ldap_entry_from(const json& object) {
  try {
    LdapEntry entry;
    entry.run = object.at("run").get<std::string>();
    entry.user = object.at("user").get<std::string>();
    entry.record = object.at("record").get<std::string>();
    TRY_ASSIGN(service, decode_file_name(object.at("service").get<std::string>()));
    TRY_ASSIGN(digests, names_from_json(object.at("repo_digests")));
    entry.service = std::move(service);
    entry.repo_digests = std::move(digests);
    for (const json& each : object.at("areas")) {
      TRY_ASSIGN(directory, decode_file_name(each.at("directory").get<std::string>()));
      TRY_ASSIGN(made, names_from_json(each.at("made")));
      TRY_ASSIGN(place, decode_file_name(each.at("place").get<std::string>()));
      const bool config = each.at("config").get<bool>();
      entry.areas.push_back({config ? LdapArea::Kind::config : LdapArea::Kind::database, entry.run,
                             std::move(directory), std::move(place), std::move(made)});
    }
    return entry;
  } catch (const json::exception& error) {
    return fail(Errc::corrupt, std::string("the journal has an entry of a directory of another form: ") + error.what());
  }
}

Result<Lines> settle_ldap(helper::Host& host, const json& object, bool decided, RunContext& run) {
  TRY_ASSIGN(entry, ldap_entry_from(object));
  engine::Engine& engine = host.engine();
  // What it had at work there ends with its container. Helpers of volumes that were restored along lead back by
  // themselves: nothing may change under their hands.
  TRY(sweep_one_offs(engine, all_but(entry.run)));
  TRY(helper::sweep(engine, all_but(entry.run)));
  const std::string what = "restore " + entry.run + ": the directory of service " + escape_for_display(entry.service);
  if (entry.areas.empty()) return Lines{};
  const json record = json::parse(entry.record, nullptr, false);
  TRY_ASSIGN(container, in_context(engine::decode_container(record), what));
  TRY_ASSIGN(lost, keep_held(engine, container, entry));
  Lines lines;
  for (const std::string& volume : lost)
    lines.push_back(what + ": volume " + volume + " is gone, and what slapd had there with it: restore it with " +
                    "--only ldap:" + escape_for_display(entry.service) + " --replace");
  if (entry.areas.empty()) return lines;
  OneOffOptions options;
  options.purpose = "put right the directory of service " + entry.service;
  options.entrypoint = idle_entrypoint();
  options.repo_digests = entry.repo_digests;
  TRY_ASSIGN(one_off, OneOff::start(engine, container, options, ready_at_once, run));
  const LdapAreas areas(engine, one_off.id(), entry.user);
  for (const LdapArea& area : entry.areas | std::views::reverse)
    TRY(in_context(decided ? areas.finish(area, run) : areas.undo(area, run), what));
  lines.push_back(what + (lost.empty() ? "" : ", where it is left,") +
                  (decided ? " is restored" : " is the old one again"));
  return lines;
}

}  // namespace davit::sources
