#include "sources/undo_restore.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sources/dead_run.hpp"
#include "sources/host_path.hpp"
#include "sources/ldap/entry.hpp"
#include "sources/one_off.hpp"
#include "sources/opensearch/settle.hpp"
#include "sources/place_restore.hpp"
#include "sources/postgres/settle.hpp"
#include "sources/restore_entry.hpp"

namespace davit::sources {
namespace {

using helper::Access;
using helper::Place;
using helper::Session;
using nlohmann::json;
using Lines = std::vector<std::string>;

std::string kind_of(const json& entry) {
  const auto kind = entry.find("kind");
  return kind != entry.end() && kind->is_string() ? kind->get<std::string>() : std::string();
}

Result<bool> volume_exists(engine::Engine& engine, const std::string& name) {
  const auto volume = engine.inspect_volume(name);
  if (volume) return true;
  if (volume.error().code() == Errc::not_found) return false;
  return std::unexpected(volume.error());
}

// What is there of the place; `exists` is false if it is gone.
Result<helper::Probe> look(helper::Host& host, const Place& place, RunContext& run) {
  if (place.kind == Place::Kind::volume) {
    TRY_ASSIGN(exists, volume_exists(host.engine(), place.source));
    helper::Probe gone;
    gone.exists = false;
    if (!exists) return gone;
  }
  return glance_at_place(host, place, run);
}

Result<Lines> settle_volume(helper::Host& host, const json& object, bool decided, RunContext& run) {
  TRY_ASSIGN(entry, volume_entry_from(object));
  if (decided) return Lines{};
  TRY_ASSIGN(exists, volume_exists(host.engine(), entry.name));
  if (!exists) return Lines{};
  TRY(helper::sweep(host.engine(), all_but(entry.run)));
  const std::string what = "restore " + entry.run + ": volume " + entry.name + ", which was made for it, ";
  if (entry.filled) {
    TRY(sweep_one_offs(host.engine(), all_but(entry.run)));
  } else {
    TRY_ASSIGN(seen, probe_place(host, {Place::Kind::volume, entry.name, false}, {}, run));
    if (!seen.empty || !seen.leftovers.empty()) return Lines{what + "stays: somebody has put data into it"};
  }
  if (auto removed = host.engine().remove_volume(entry.name); !removed && removed.error().code() != Errc::not_found)
    return std::unexpected(std::move(removed).error().context("remove volume " + entry.name));
  return Lines{what + "was removed"};
}

Result<Lines> settle_place(helper::Host& host, const json& object, bool decided, RunContext& run) {
  TRY_ASSIGN(entry, place_entry_from(object));
  // They lead back by themselves, or hold; either way they are at work in the place.
  TRY(helper::sweep(host.engine(), all_but(entry.run)));
  RunContext dead{entry.run, run.clock, run.reporter, run.stop, run.owner};
  TRY_ASSIGN(seen, look(host, entry.place, dead));
  const bool left = std::ranges::contains(seen.leftovers, entry.run);
  if (left) {
    TRY_ASSIGN(session, Session::open(host, entry.place, Access::write, dead));
    if (decided) TRY(session.seal());
    TRY(session.recover(entry.run));
    TRY(session.close());
  }
  const std::string what = "restore " + entry.run + ": " + entry.place.text();
  if (decided) return Lines{what + " is finished"};
  for (const std::string& directory : entry.directories) TRY(remove_empty_directory(host, directory, dead));
  if (entry.made || !entry.directories.empty()) return Lines{};
  return Lines{what + (left ? " has its old contents again" : " has its old contents")};
}

}  // namespace

Result<Lines> settle_restore(helper::Host& host, const json& entry, bool decided, RunContext& run) {
  const std::string kind = kind_of(entry);
  if (kind == "volume") return settle_volume(host, entry, decided, run);
  if (kind == "place") return settle_place(host, entry, decided, run);
  if (kind == "cluster") return settle_cluster(host, entry, decided, run);
  if (kind == "search") return settle_search(host, entry, decided, run);
  if (kind == "ldap") return settle_ldap(host, entry, decided, run);
  return fail(Errc::corrupt, "the journal has an entry of a kind that is no restore's: " + kind);
}

}  // namespace davit::sources
