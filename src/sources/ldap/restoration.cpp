#include "sources/ldap/restoration.hpp"

#include <nlohmann/json.hpp>

#include "sources/injected_files.hpp"
#include "sources/ldap/check.hpp"
#include "sources/ldap/load.hpp"
#include "sources/place_restore.hpp"
#include "sources/postgres/seat.hpp"
#include "sources/restore_entry.hpp"
#include "util/text.hpp"

namespace davit::sources {

Result<std::unique_ptr<Restoration>> LdapRestoration::begin(helper::Host& host, const model::Item& item,
                                                            const Target& target, RunContext& run) {
  TRY_ASSIGN(layout, layout_of(item));
  const Seating seating = find_seating(item, target);
  if (seating.container == nullptr)
    return fail(Errc::not_found, "service " + item.id.name + " is neither in the stack nor in the backup's definition");
  // It may have been started, or filled, since the plan was made.
  TRY_ASSIGN(conflicts, check_ldap(host, item, target, run));
  TRY(refuse_conflicts(conflicts, target.replace));
  std::unique_ptr<LdapRestoration> restoration(
      new LdapRestoration(host, item, target, *seating.container, std::move(layout)));
  auto prepared = restoration->prepare(run);
  if (prepared) return std::unique_ptr<Restoration>(std::move(restoration));
  RunContext undo = run.unstoppable();
  if (auto undone = restoration->rollback(undo); !undone) run.reporter.warning(undone.error().message());
  return std::unexpected(std::move(prepared).error());
}

Result<> LdapRestoration::prepare(RunContext& run) {
  TRY(mounts_.make(container_, target_, run));
  OneOffOptions options;
  options.purpose = "restore " + item_.id.text();
  if (target_.recorded != nullptr)
    if (const auto image = target_.recorded->images.find(container_.image); image != target_.recorded->images.end())
      options.repo_digests = image->second.repo_digests;
  entry_.run = run.run_id;
  entry_.service = item_.id.name;
  entry_.record = without_injected_files(container_);
  entry_.repo_digests = options.repo_digests;
  entry_.user = layout_.user;
  TRY_ASSIGN(site, LdapSite::open(host_.engine(), container_, options, layout_, run));
  site_ = std::move(site);
  TRY(site_->check_version(model::attribute(item_.attributes, "version"), target_.allow_version_change, run));
  return site_->begin(
      places_restored_along(container_, layout_, target_),
      [this](const std::vector<LdapArea>& areas) -> Result<> {
        entry_.areas = areas;
        return target_.journal == nullptr ? Result<>() : target_.journal->record(entry_.key(), to_json(entry_));
      },
      run);
}

Result<std::vector<Finding>> LdapRestoration::stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                                    RunContext& run) {
  TRY_ASSIGN(loaded, load_ldap(*site_, artefact, stored, run));
  std::vector<Finding> findings;
  if (!loaded.same)
    findings.push_back({"", escape_for_display(artefact.path),
                        "slapadd took every entry, and slapcat gives some of them otherwise than the backup has them"});
  return findings;
}

Result<> LdapRestoration::commit(RunContext& run) {
  TRY(refuse_ldap_users(host_, container_, layout_, item_.id.name, target_, run));
  return site_->exchange(run);
}

Result<> LdapRestoration::finish(RunContext& run) {
  auto result = site_->finish(run);
  site_.reset();
  if (!result) return result;
  mounts_.keep(run);
  strike(target_.journal, entry_.key(), run);
  return {};
}

Result<> LdapRestoration::rollback(RunContext& run) {
  Result<> result;
  if (site_ && !entry_.areas.empty()) result = site_->undo(run);
  site_.reset();
  if (!result) return result;
  TRY(mounts_.remove(run));
  strike(target_.journal, entry_.key(), run);
  return {};
}

void LdapRestoration::leave() {
  if (site_) site_->leave();
  site_.reset();
}

}  // namespace davit::sources
