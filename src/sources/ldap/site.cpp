#include "sources/ldap/site.hpp"

#include <algorithm>
#include <ranges>

#include "engine/command.hpp"
#include "sources/idle.hpp"
#include "sources/ldap/config.hpp"
#include "sources/ldap/ldif.hpp"
#include "sources/ldap/server.hpp"
#include "stream/memory_stream.hpp"
#include "stream/reporting_stream.hpp"

namespace davit::sources {
namespace {

class Nowhere : public stream::ByteSink {
 public:
  Result<> write(std::span<const std::byte>) override { return {}; }
  Result<> finish() override { return {}; }
};

Result<> drain_all(stream::ByteSource& source) {
  std::vector<std::byte> buffer(64U << 10U);
  while (true) {
    TRY_ASSIGN(count, source.read(buffer));
    if (count == 0) return {};
  }
}

std::string_view name_of(int number) { return number == 0 ? "the configuration" : "the database"; }

}  // namespace

LdapSite::LdapSite(engine::Engine& engine, OneOff one_off, LdapLayout layout, const std::string& run_id)
    : engine_(&engine), one_off_(std::move(one_off)), layout_(std::move(layout)) {
  areas_.push_back({LdapArea::Kind::config, run_id, layout_.config, {}, {}});
  for (const LdapLayout::Database& database : layout_.databases)
    areas_.push_back({LdapArea::Kind::database, run_id, database.directory, {}, {}});
}

Result<LdapSite> LdapSite::open(engine::Engine& engine, const engine::ContainerInfo& recorded, OneOffOptions options,
                                LdapLayout layout, RunContext& run) {
  options.entrypoint = idle_entrypoint();
  TRY_ASSIGN(one_off, OneOff::start(engine, recorded, options, ready_at_once, run));
  return LdapSite(engine, std::move(one_off), std::move(layout), run.run_id);
}

Result<> LdapSite::check_version(const std::string& version, bool allow_change, RunContext& run) const {
  if (allow_change || version.empty()) return {};
  TRY_ASSIGN(present, ask_ldap_version(*engine_, one_off_.id(), run));
  if (ldap_series(present) == ldap_series(version)) return {};
  return fail(Errc::failed, "the image has OpenLDAP " + present + ", and the backup is of " + version,
              "use the image that the backup was made with, or pass --allow-version-change");
}

Result<> LdapSite::begin(const Places& places, const Before& before, RunContext& run) {
  const LdapAreas areas = work();
  for (LdapArea& area : areas_) {
    TRY_ASSIGN(missing, areas.missing(area.directory, run));
    area.made = std::move(missing);
    if (const auto place = places.find(area.directory); place != places.end()) area.place = place->second;
  }
  if (before) TRY(before(areas_));
  for (const LdapArea& area : areas_) TRY(areas.begin(area, run));
  return {};
}

// -q leaves out what only matters to a database that is in use: nobody uses this one, and it is read again. -s, since
// what a server held is brought back as it was, also where its schema has changed since an entry was made.
Result<> LdapSite::slapadd(const std::vector<std::string>& options, stream::ByteSource& in, RunContext& run) const {
  std::vector<std::string> argv{"slapadd"};
  argv.insert(argv.end(), options.begin(), options.end());
  TRY_ASSIGN(added, engine::feed_command(*engine_, one_off_.id(), ldap_tool(std::move(argv), layout_.user), in, run));
  if (added.outcome.exit_code != 0) return std::unexpected(ldap_error("load the LDIF", "slapadd", added.outcome));
  return drain_all(in);
}

Result<LdapLoaded> LdapSite::compare(const std::string& config, int number, const LdifScanner& wanted,
                                     RunContext& run) const {
  LdifScanner found;
  Nowhere nowhere;
  LdifSink sink(found, nowhere);
  TRY_ASSIGN(outcome,
             engine::run_command(*engine_, one_off_.id(),
                                 ldap_tool({"slapcat", "-g", "-F", config, "-n", std::to_string(number)}, layout_.user),
                                 sink, run));
  if (outcome.exit_code != 0) return std::unexpected(ldap_error("read what was loaded", "slapcat", outcome));
  TRY(sink.finish());
  if (found.entries() != wanted.entries())
    return fail(Errc::failed, std::string(name_of(number)) + " that slapadd made has " +
                                  std::to_string(found.entries()) + " entries, and the LDIF has " +
                                  std::to_string(wanted.entries()));
  return LdapLoaded{found.entries(), found.digest() == wanted.digest()};
}

Result<LdapLoaded> LdapSite::add_config(const std::string& ldif, RunContext& run) {
  const LdapArea& area = areas_.front();
  LdifScanner wanted;
  TRY(wanted.feed(std::as_bytes(std::span(ldif))));
  TRY(wanted.finish());
  std::map<int, std::string> moved;
  for (std::size_t i = 0; i < layout_.databases.size(); ++i) moved[layout_.databases[i].number] = areas_[i + 1].fresh();
  TRY_ASSIGN(staged, with_directories(ldif, moved));
  stream::MemorySource for_tools(std::move(staged));
  TRY(slapadd({"-n", "0", "-F", area.stage()}, for_tools, run));
  stream::MemorySource as_it_is(ldif);
  TRY(slapadd({"-n", "0", "-F", area.fresh()}, as_it_is, run));
  // -u: its databases are still the old ones, or not there at all.
  TRY_ASSIGN(tested, engine::run_command_for_tail(*engine_, one_off_.id(),
                                                  ldap_tool({"slaptest", "-u", "-F", area.fresh()}, layout_.user), run,
                                                  64U << 10U));
  if (tested.outcome.exit_code != 0)
    return std::unexpected(ldap_error("test the configuration", "slaptest", tested.outcome));
  return compare(area.fresh(), 0, wanted, run);
}

Result<LdapLoaded> LdapSite::add_database(int number, stream::ByteSource& ldif, RunContext& run) {
  const std::string config = areas_.front().stage();
  stream::ReportingSource reporting(ldif, run);
  LdifScanner wanted;
  LdifSource scanned(wanted, reporting);
  TRY(slapadd({"-q", "-s", "-g", "-n", std::to_string(number), "-F", config}, scanned, run));
  // Nothing was made for a database without an entry: slapd makes its file when it starts.
  if (wanted.entries() == 0) return LdapLoaded{0, true};
  return compare(config, number, wanted, run);
}

Result<> LdapSite::exchange(RunContext& run) {
  for (const LdapArea& area : areas_) TRY(work().exchange(area, run));
  return {};
}

Result<> LdapSite::undo(RunContext& run) {
  Result<> result;
  for (const LdapArea& area : areas_ | std::views::reverse)
    if (auto undone = work().undo(area, run); !undone && result) result = std::move(undone);
  return result;
}

Result<> LdapSite::finish(RunContext& run) {
  Result<> result;
  for (const LdapArea& area : areas_)
    if (auto finished = work().finish(area, run); !finished && result) result = std::move(finished);
  return result;
}

}  // namespace davit::sources
