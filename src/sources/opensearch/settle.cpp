#include "sources/opensearch/settle.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sources/compose_labels.hpp"
#include "sources/dead_run.hpp"
#include "sources/opensearch/check.hpp"
#include "sources/opensearch/exchange.hpp"
#include "sources/opensearch/plan.hpp"
#include "sources/place_restore.hpp"

namespace davit::sources {
namespace {

using Lines = std::vector<std::string>;

// Whether any of its services still has a container, running or not.
Result<bool> has_container(engine::Engine& engine, const SearchEntry& entry) {
  for (const std::string& service : entry.services) {
    TRY_ASSIGN(listed, engine.list_containers({.all = true,
                                               .labels = {std::string(compose::kProject) + "=" + entry.project,
                                                          std::string(compose::kService) + "=" + service},
                                               .names = {}}));
    if (!listed.empty()) return true;
  }
  return false;
}

Result<> settle_in_cluster(engine::Engine& engine, const engine::ContainerInfo& container, const SearchEntry& entry,
                           bool decided, RunContext& run) {
  TRY_ASSIGN(client, SearchClient::connect_patiently(engine, container, kSearchPatience, run));
  return decided ? carry_on(client, entry, run) : lead_back(client, entry, run);
}

}  // namespace

Result<> remove_placed(helper::Host& host, const std::string& place, const std::string& run_id, RunContext& run) {
  using helper::Access;
  using helper::Place;
  using helper::Session;
  const Place directory{Place::Kind::directory, place, false};
  TRY_ASSIGN(seen, glance_at_place(host, directory, run));
  if (!seen.exists) return {};
  if (std::ranges::contains(seen.leftovers, run_id)) {
    TRY_ASSIGN(session, Session::open(host, directory, Access::write, run));
    TRY(session.recover(run_id));
    TRY(session.close());
  }
  return remove_empty_directory(host, place, run);
}

Result<Lines> settle_search(helper::Host& host, const nlohmann::json& object, bool decided, RunContext& run) {
  TRY_ASSIGN(entry, search_entry_from(object));
  engine::Engine& engine = host.engine();
  TRY(helper::sweep(engine, all_but(entry.run)));
  RunContext dead{entry.run, run.clock, run.reporter, run.stop, run.owner};
  const std::string what = "restore " + entry.run + ": the search cluster of service " + entry.service;
  TRY_ASSIGN(container, find_search_container(engine, entry.project, entry.services));
  if (container) {
    TRY(in_context(settle_in_cluster(engine, *container, entry, decided, dead), what));
  } else {
    TRY_ASSIGN(stopped, has_container(engine, entry));
    if (stopped)
      return fail(Errc::unavailable, what + ": it doesn't run",
                  "start the service: docker compose up -d " + entry.services.front());
  }
  TRY(in_context(remove_placed(host, entry.place, entry.run, dead), what));
  if (!container)
    return Lines{what + " has no container any more: only what was placed for it was removed" +
                 (decided || entry.saved.empty()
                      ? ""
                      : "; snapshot " + entry.saved + " of repository davit may have what it held")};
  return Lines{what + (decided                                    ? " is restored"
                       : entry.step == SearchEntry::Step::placing ? " has its old indices"
                                                                  : " has its old indices again")};
}

}  // namespace davit::sources
