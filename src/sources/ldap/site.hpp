#pragma once
// Where a directory is made anew from LDIF: a one-off container with the directories of the server, and in each of them
// an area beside the old files. For a restore it has the service's own mounts; to see whether LDIF would load, empty
// ones.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sources/ldap/area.hpp"
#include "sources/ldap/layout.hpp"
#include "sources/one_off.hpp"
#include "stream/byte_stream.hpp"

namespace davit::sources {

// How a database that was loaded compares with the LDIF that it was made from.
struct LdapLoaded {
  std::uint64_t entries = 0;
  bool same = false;  // every entry with every value
};

// Its container ends with it: nothing runs there that would have to write anything down.
class LdapSite {
 public:
  // Starts the container, which does nothing by itself. Errors as of OneOff::start().
  [[nodiscard]] static Result<LdapSite> open(engine::Engine& engine, const engine::ContainerInfo& recorded,
                                             OneOffOptions options, LdapLayout layout, RunContext& run);

  // Errc::failed if its slapd is of another series than `version`, and that is not allowed.
  [[nodiscard]] Result<> check_version(const std::string& version, bool allow_change, RunContext& run) const;
  // Makes the areas. `places`: LdapArea::place by directory. `before`: told of all of them, before the first is made.
  using Places = std::map<std::string, std::string, std::less<>>;
  using Before = std::function<Result<>(const std::vector<LdapArea>& areas)>;
  [[nodiscard]] Result<> begin(const Places& places, const Before& before, RunContext& run);

  // `slapadd -n 0` of the configuration: as it is, and a second time for the tools, whose databases are the new ones.
  // Compares what came out of it, and has slaptest look at it. REQUIRES: begin().
  [[nodiscard]] Result<LdapLoaded> add_config(const std::string& ldif, RunContext& run);
  // `slapadd -n N`; reads `ldif` to its verified end. REQUIRES: add_config().
  [[nodiscard]] Result<LdapLoaded> add_database(int number, stream::ByteSource& ldif, RunContext& run);

  [[nodiscard]] Result<> exchange(RunContext& run);
  [[nodiscard]] Result<> undo(RunContext& run);
  [[nodiscard]] Result<> finish(RunContext& run);
  // Leaves it as it is.
  void leave() { one_off_.release(); }

 private:
  LdapSite(engine::Engine& engine, OneOff one_off, LdapLayout layout, const std::string& run_id);
  [[nodiscard]] LdapAreas work() const { return {*engine_, one_off_.id(), layout_.user}; }
  Result<> slapadd(const std::vector<std::string>& options, stream::ByteSource& in, RunContext& run) const;
  Result<LdapLoaded> compare(const std::string& config, int number, const class LdifScanner& wanted,
                             RunContext& run) const;

  engine::Engine* engine_;
  OneOff one_off_;
  LdapLayout layout_;
  std::vector<LdapArea> areas_;  // of the configuration, then of each database in its order
};

}  // namespace davit::sources
